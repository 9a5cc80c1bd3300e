"""Cosine-weighted linear attention against sums over pairs of tokens, as the paper writes it before it factorises."""

import math

import pytest
import torch

from supernet.blocks import MixerCall
from tests.contracts.live_memory import peak_values
from tests.supernet.mixers.decoding import token_by_token
from tests.supernet.naive import assert_same, build, build_projections, from_rows, heads, normal, shape_of


def naive(q, k, v, *, causal, lengths=None):
    num_heads, length = q.shape[1:3]

    def row(b, h, i):
        seen = i + 1 if causal else (lengths or [length] * len(q))[b]
        weights = [
            (q[b, h, i].clamp(min=0) @ k[b, h, j].clamp(min=0)) * math.cos(math.pi / 2 * (i - j) / length)
            for j in range(seen)
        ]
        return sum(w * v[b, h, j] for j, w in enumerate(weights)) / (sum(weights) + 1e-6)

    return from_rows([[[row(b, h, i) for i in range(length)] for h in range(num_heads)] for b in range(len(q))])


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("length, chunk", [(1, 4), (4, 4), (5, 8), (9, 3), (10, 4)])
def test_equals_the_sum_over_pairs(causal, length, chunk):
    mixer = build("cosformer", shape_of(seq_len=length, causal=causal, options={"chunk": chunk}))
    assert_same(mixer.attend, lambda q, k, v: naive(q, k, v, causal=causal), *heads(length))


def test_padding_is_not_there():
    mixer, qkv = build("cosformer", shape_of(seq_len=5)), heads(5)
    mask = torch.arange(5) < torch.tensor([[5], [3]])
    y, expected = mixer.attend(*qkv, mask), naive(*qkv, causal=False, lengths=[5, 3])
    for b, length in enumerate((5, 3)):
        torch.testing.assert_close(y[b, :, :length], expected[b, :, :length], rtol=1e-9, atol=1e-11)


def test_decodes_what_it_computes_at_once():
    shape = shape_of(seq_len=6, causal=True, num_heads=2, options={"chunk": 4})
    mixer, projections, x = build("cosformer", shape), build_projections(shape), normal(2, 6, 6)
    y = token_by_token(mixer, x, num_heads=2, projections=projections)
    torch.testing.assert_close(y, mixer(x, MixerCall(num_heads=2, projections=projections)), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("causal", [False, True])
def test_memory_grows_with_the_length_alone(causal):
    def peak(length):
        mixer = build("cosformer", shape_of(seq_len=length, causal=causal)).float()
        mixer.forward = lambda x: mixer.attend(x, x, x)
        return peak_values(mixer, normal(1, 2, length, 4).detach().float()).peak

    assert peak(4096) == pytest.approx(4 * peak(1024), rel=0.02)


def test_features_that_are_all_negative_give_zero_and_no_nan():
    mixer = build("cosformer", shape_of(seq_len=4, causal=True)).float()
    q, k, v = (t.detach().float() for t in heads(4))
    assert torch.equal(mixer.attend(-q.abs(), k, v), torch.zeros_like(v))
