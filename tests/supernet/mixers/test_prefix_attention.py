"""Prefix attention against the recurrence of Aaren, and against softmax attention of a query over every prefix."""

from __future__ import annotations

import pytest
import torch

from supernet.blocks import MixerCall
from tests.supernet.naive import HEAD_DIM, assert_same, build, normal, shape_of

HEADS, WIDTH = 2, 6


def built(length, **options):
    return build(
        "prefix_attention",
        shape_of(seq_len=length, causal=True, embed_dim=WIDTH, num_heads=HEADS, options=options),
    )


def recurrence(mixer):
    """The many-to-many form of the paper, a token after the other: sums relative to the highest score so far."""

    def run(x):
        scores = x @ mixer.score.weight.T + mixer.score.bias
        values = (x @ mixer.value.weight.T + mixer.value.bias).unflatten(2, (HEADS, HEAD_DIM))
        a, c, m, rows = 0, 0, torch.full_like(scores[:, 0], -torch.inf), []
        for t in range(x.shape[1]):
            highest = torch.maximum(m, scores[:, t]).detach()
            old, new = (m - highest).exp(), (scores[:, t] - highest).exp()
            a = a * old[..., None] + values[:, t] * new[..., None]
            c, m = c * old + new, highest
            rows.append((a / c[..., None]).flatten(1))
        return torch.stack(rows, 1) @ mixer.out.weight.T + mixer.out.bias

    return run


@pytest.mark.parametrize("length, chunk", [(1, 4), (5, 8), (8, 4), (13, 4), (11, 2)])
def test_equals_the_recurrence(length, chunk):
    mixer = built(length, chunk=chunk)
    parameters = tuple(p for p in mixer.parameters())
    assert_same(
        lambda x: mixer(x, MixerCall(num_heads=HEADS)),
        recurrence(mixer),
        normal(2, length, WIDTH),
        parameters=parameters,
    )


def test_equals_attention_of_a_learned_query_over_every_prefix():
    mixer = built(9, chunk=4)
    query, key = normal(HEADS, HEAD_DIM, seed=1), normal(HEADS, HEAD_DIM, WIDTH, seed=2)
    with torch.no_grad():
        mixer.score.weight.copy_(torch.einsum("hk,hkd->hd", query, key) / HEAD_DIM**0.5)
        mixer.score.bias.zero_()
        x = normal(2, 9, WIDTH)
        keys = torch.einsum("bld,hkd->bhlk", x, key)
        values = mixer.value(x, HEADS * HEAD_DIM).unflatten(2, (HEADS, HEAD_DIM)).transpose(1, 2)
        rows = []
        for t in range(1, 10):
            asked = query[None, :, None].expand(2, -1, -1, -1)
            seen = torch.nn.functional.scaled_dot_product_attention(asked, keys[:, :, :t], values[:, :, :t])
            rows.append(seen.flatten(1))
        expected = mixer.out(torch.stack(rows, 1), WIDTH)
    torch.testing.assert_close(mixer(x, MixerCall(num_heads=HEADS)), expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("rising", [1.0, -1.0])
def test_scores_a_thousand_apart_neither_overflow_nor_vanish(rising):
    """In float32, where ``exp(100)`` is infinite and ``exp(-100)`` nothing, by both forms."""
    mixer = built(8, chunk=2).float()
    x = torch.randn(1, 8, WIDTH, generator=torch.Generator().manual_seed(3))
    x[..., 0] = rising * torch.linspace(-500, 500, 8)
    with torch.no_grad():
        mixer.score.weight.zero_()
        mixer.score.weight[:, 0] = 1.0
        mixer.value.weight[:, 0] = 0.0
        y = mixer(x, MixerCall(num_heads=HEADS))
        expected = recurrence(mixer.double())(x.double()).float()
        torch.testing.assert_close(y, expected, rtol=1e-4, atol=1e-4)
        mixer, state, rows = mixer.float(), None, []
        state = mixer.initial_state(1, embed_dim=WIDTH, num_heads=HEADS)
        for t in range(8):
            row, state = mixer.step(x[:, t : t + 1], state, MixerCall(num_heads=HEADS), position=torch.tensor(t))
            rows.append(row)
    torch.testing.assert_close(torch.cat(rows, 1), expected, rtol=1e-4, atol=1e-4)
