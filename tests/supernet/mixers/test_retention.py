"""Retention against the paper's recurrence (causal) and the decayed sum over pairs (otherwise)."""

import math
from dataclasses import replace

import pytest
import torch

from search_space import Block, Geometry, TaskShape
from supernet import block_module, catalogue
from supernet.blocks import MixerCall
from supernet.catalogue import MIXERS
from tests.contracts.live_memory import peak_values
from tests.supernet.mixers.decoding import token_by_token
from tests.supernet.naive import HEAD_DIM, assert_same, build, build_projections, from_rows, heads, normal, shape_of


def group_norm(x):
    centred = x - x.mean()
    return centred / torch.sqrt((centred**2).mean() + 1e-5)


def recurrent(q, k, v):
    """S_n = gamma S_{n-1} + k_n v_n^T; o_n = q_n S_n, with the paper's normalisation of the decays."""

    def rows(b, h):
        gamma, state, total, out = 1 - 2.0 ** (-5 - h), torch.zeros(HEAD_DIM, HEAD_DIM, dtype=q.dtype), 0.0, []
        for n in range(q.shape[2]):
            state = gamma * state + torch.outer(k[b, h, n] / math.sqrt(HEAD_DIM), v[b, h, n])
            total = gamma * total + 1
            out.append(group_norm(q[b, h, n] @ state / math.sqrt(total)))
        return out

    return from_rows([[rows(b, h) for h in range(q.shape[1])] for b in range(q.shape[0])])


def pairwise(q, k, v, *, distance, first):
    length = q.shape[2]

    def row(b, h, i):
        decay = [(1 - 2.0 ** (-first - h)) ** distance(i, j) for j in range(length)]
        weights = [
            decay[j] / math.sqrt(sum(decay)) * (q[b, h, i] @ k[b, h, j]) / math.sqrt(HEAD_DIM) for j in range(length)
        ]
        return group_norm(sum(w * v[b, h, j] for j, w in enumerate(weights)))

    return from_rows([[[row(b, h, i) for i in range(length)] for h in range(q.shape[1])] for b in range(q.shape[0])])


@pytest.mark.parametrize("length, chunk", [(1, 4), (4, 4), (5, 8), (9, 3), (10, 4)])
def test_causal_equals_the_recurrence(length, chunk):
    mixer = build("retention", shape_of(seq_len=length, causal=True, options={"chunk": chunk}))
    assert_same(mixer.attend, recurrent, *heads(length))


def turned(x):
    """Turn the pairs of every head as the paper does: feature i and feature i + K / 2 are a complex number."""
    half, place = HEAD_DIM // 2, torch.arange(x.shape[2], dtype=x.dtype)[:, None]
    angles = place * torch.tensor([10000.0 ** (-i / (half - 1)) for i in range(half)], dtype=x.dtype)
    numbers = torch.complex(x[..., :half], x[..., half:]) * torch.polar(torch.ones_like(angles), angles)
    return torch.cat([numbers.real, numbers.imag], -1)


@pytest.mark.parametrize("length, chunk", [(4, 4), (10, 4)])
def test_q_and_k_are_turned_where_the_space_says_so(length, chunk):
    shape = shape_of(seq_len=length, causal=True, num_heads=2, options={"chunk": chunk, "rotary": True})
    mixer = build("retention", shape)
    assert_same(mixer.attend, lambda q, k, v: recurrent(turned(q), turned(k), v), *heads(length))
    projections, x = build_projections(shape), normal(2, length, 6)
    y = token_by_token(mixer, x, num_heads=2, projections=projections)
    torch.testing.assert_close(y, mixer(x, MixerCall(num_heads=2, projections=projections)), rtol=1e-9, atol=1e-11)
    both = build("retention", shape_of(seq_len=length, options={"rotary": True}))
    naive = lambda q, k, v: pairwise(turned(q), turned(k), v, distance=lambda i, j: abs(i - j), first=5)  # noqa: E731
    assert_same(both.attend, naive, *heads(length))


@pytest.mark.parametrize("options, words", [({"rotary": "yes"}, "neither true nor false"), ({"rotary": True}, "odd")])
def test_a_rotation_that_cannot_be_is_refused(options, words):
    shape = replace(shape_of(seq_len=4, options=options), head_dim=3)
    assert words in MIXERS["retention"].spec.check(shape)


@pytest.mark.parametrize("length, causal", [(64, True), (70, True), (50, False)])
def test_the_cost_of_turning_is_exact(length, causal):
    task = TaskShape(input_shape=(length,), num_outputs=3, seq_len=length, causal=causal)
    geometry = Geometry(task=task, head_dim=16, options={"retention": {"chunk": 16, "rotary": True}})
    block = Block(kind="mixer", key="retention", embed_dim=48, num_heads=3)
    module = block_module(block, geometry, generator=torch.Generator().manual_seed(0))
    cost = geometry.cost(block, catalogue())
    assert peak_values(module, torch.ones(2, length, 48)).peak == 2 * cost.peak_activations
    assert cost.constants == sum(t.numel() for t in module.buffers()) - 3 * causal  # the decays of a step alone


def test_chunks_change_nothing_over_a_long_sequence():
    inputs = heads(130)
    whole, cut = (build("retention", shape_of(seq_len=130, causal=True, options={"chunk": c})) for c in (130, 16))
    assert_same(cut.attend, whole.attend, *inputs)


def test_a_sequence_decays_with_the_distance():
    mixer = build("retention", shape_of(seq_len=6))
    assert_same(mixer.attend, lambda *t: pairwise(*t, distance=lambda i, j: abs(i - j), first=5), *heads(6))


def test_a_grid_decays_with_the_manhattan_distance():
    def manhattan(i, j):
        return abs(i // 3 - j // 3) + abs(i % 3 - j % 3)

    mixer = build("retention", shape_of(seq_len=6, grid=(2, 3)))
    assert_same(mixer.attend, lambda *t: pairwise(*t, distance=manhattan, first=2), *heads(6))


def test_the_heads_are_gated_before_they_merge():
    shape = shape_of(seq_len=5, causal=True, embed_dim=6, num_heads=2)
    mixer, projections = build("retention", shape), build_projections(shape)

    def naive(x):
        q, k, v = (
            (x @ p.weight.T + p.bias).view(2, 5, 2, HEAD_DIM).transpose(1, 2)
            for p in (projections.q, projections.k, projections.v)
        )
        gate = x @ mixer.gate.weight.T + mixer.gate.bias
        merged = torch.cat(list(recurrent(q, k, v).unbind(1)), -1)
        return (gate / (1 + torch.exp(-gate)) * merged) @ projections.out.weight.T + projections.out.bias

    assert_same(
        lambda x: mixer(x, MixerCall(num_heads=2, projections=projections)),
        naive,
        normal(2, 5, 6),
        parameters=(*projections.parameters(), *mixer.parameters()),
    )


@pytest.mark.parametrize("length, chunk", [(4, 2), (9, 3), (10, 4), (7, 8)])
def test_a_long_sequence_in_chunks_decays_with_the_distance(length, chunk, monkeypatch):
    monkeypatch.setattr("supernet.mixers.retention._SHORT", 3)
    mixer = build("retention", shape_of(seq_len=length, options={"chunk": chunk}))
    assert_same(mixer.attend, lambda *t: pairwise(*t, distance=lambda i, j: abs(i - j), first=5), *heads(length))


def test_padding_in_chunks_changes_nothing_real(monkeypatch):
    inputs, real = heads(10), 7
    whole = build("retention", shape_of(seq_len=10))
    monkeypatch.setattr("supernet.mixers.retention._SHORT", 3)
    cut = build("retention", shape_of(seq_len=10, options={"chunk": 4}))
    mask = (torch.arange(10) < real).expand(len(inputs[0]), -1)
    torch.testing.assert_close(cut.attend(*inputs, mask)[:, :, :real], whole.attend(*inputs, mask)[:, :, :real])
