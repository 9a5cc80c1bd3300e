"""Primer's attention against sums over taps and a softmax, one feature and token at a time."""

import math

import pytest
import torch

from supernet.blocks import MixerCall
from tests.supernet.mixers.decoding import token_by_token
from tests.supernet.naive import HEAD_DIM, assert_same, build, build_projections, from_rows, heads, normal, shape_of


def mixed(t, filters, *, causal, lengths):
    """Sum the taps; ``filters`` is (H, K, kernel), the last tap the token itself when causal, else the middle one."""
    kernel = filters.shape[2]
    own = kernel - 1 if causal else kernel // 2

    def row(b, h, i):
        total = torch.zeros(HEAD_DIM, dtype=t.dtype)
        for tap in range(kernel):
            j = i + tap - own
            if 0 <= j < lengths[b]:
                total = total + filters[h, :, tap] * t[b, h, j]
        return total

    return from_rows([[[row(b, h, i) for i in range(t.shape[2])] for h in range(t.shape[1])] for b in range(len(t))])


def naive(q, k, v, mixer, *, causal, lengths=None):
    num_heads, length = q.shape[1:3]
    lengths = lengths or [length] * len(q)
    filters = mixer.filters.view(3, -1, HEAD_DIM, mixer.kernel)[:, :num_heads]
    q, k, v = (mixed(t, f, causal=causal, lengths=lengths) for t, f in zip((q, k, v), filters, strict=True))

    def row(b, h, i):
        seen = i + 1 if causal else lengths[b]
        logits = torch.stack([q[b, h, i] @ k[b, h, j] / math.sqrt(HEAD_DIM) for j in range(seen)])
        return torch.softmax(logits, 0) @ v[b, h, :seen]

    return from_rows([[[row(b, h, i) for i in range(length)] for h in range(num_heads)] for b in range(len(q))])


@pytest.mark.parametrize("causal, length, kernel", [(False, 5, 3), (True, 5, 3), (False, 2, 5), (True, 3, 5)])
def test_equals_filters_then_softmax(causal, length, kernel):
    mixer = build("primer", shape_of(seq_len=length, causal=causal, num_heads=2, options={"kernel": kernel}))
    assert_same(
        lambda q, k, v: mixer.attend(*mixer.prepare(q, k, v, None)),
        lambda q, k, v: naive(q, k, v, mixer, causal=causal),
        *heads(length),
        parameters=tuple(mixer.parameters()),
    )


def test_padding_is_not_there():
    mixer, qkv = build("primer", shape_of(seq_len=5, num_heads=2)), heads(5)
    mask = torch.arange(5) < torch.tensor([[5], [3]])
    y, expected = mixer.attend(*mixer.prepare(*qkv, mask), mask), naive(*qkv, mixer, causal=False, lengths=[5, 3])
    for b, length in enumerate((5, 3)):
        torch.testing.assert_close(y[b, :, :length], expected[b, :, :length], rtol=1e-9, atol=1e-11)


def test_decodes_what_it_computes_at_once():
    shape = shape_of(seq_len=5, causal=True, num_heads=2)
    mixer, projections, x = build("primer", shape), build_projections(shape), normal(2, 5, 6)
    y = token_by_token(mixer, x, num_heads=2, projections=projections)
    torch.testing.assert_close(y, mixer(x, MixerCall(num_heads=2, projections=projections)), rtol=1e-9, atol=1e-11)


def test_begins_with_half_of_the_token_itself():
    mixer = build("primer", shape_of(seq_len=5, num_heads=2))
    mixer.reset_parameters(torch.Generator())
    assert torch.allclose(mixer.filters[:, :, 0, :, 0], torch.tensor([1 / 6, 1 / 2, 1 / 6], dtype=torch.float64))
