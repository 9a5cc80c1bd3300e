"""Attention to the best keys against a sort of each query's scores."""

import math

import pytest
import torch

from supernet.blocks import MixerCall
from tests.supernet.mixers.decoding import token_by_token
from tests.supernet.naive import HEAD_DIM, assert_same, build, build_projections, from_rows, heads, normal, shape_of


def naive(q, k, v, *, keys, causal, lengths=None):
    num_heads, length = q.shape[1:3]

    def row(b, h, i):
        seen = i + 1 if causal else (lengths or [length] * len(q))[b]
        scores = [q[b, h, i] @ k[b, h, j] / math.sqrt(HEAD_DIM) for j in range(seen)]
        best = sorted(range(seen), key=lambda j: -scores[j].item())[:keys]
        weights = [torch.exp(scores[j]) for j in best]
        return sum(w * v[b, h, j] for w, j in zip(weights, best, strict=True)) / sum(weights)

    return from_rows([[[row(b, h, i) for i in range(length)] for h in range(num_heads)] for b in range(len(q))])


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("length, keys", [(6, 2), (5, 1), (4, 4), (3, 8)])
def test_equals_the_softmax_of_the_best(causal, length, keys):
    mixer = build("topk", shape_of(seq_len=length, causal=causal, options={"keys": keys}))
    assert_same(mixer.attend, lambda q, k, v: naive(q, k, v, keys=keys, causal=causal), *heads(length))


def test_padding_is_never_among_the_best():
    mixer, qkv = build("topk", shape_of(seq_len=6, options={"keys": 3})), heads(6)
    mask = torch.arange(6) < torch.tensor([[6], [2]])
    y, expected = mixer.attend(*qkv, mask), naive(*qkv, keys=3, causal=False, lengths=[6, 2])
    for b, length in enumerate((6, 2)):
        torch.testing.assert_close(y[b, :, :length], expected[b, :, :length], rtol=1e-9, atol=1e-11)
    assert y.isfinite().all()


def test_decodes_what_it_computes_at_once():
    shape = shape_of(seq_len=6, causal=True, num_heads=2, options={"keys": 2})
    mixer, projections, x = build("topk", shape), build_projections(shape), normal(2, 6, 6)
    y = token_by_token(mixer, x, num_heads=2, projections=projections)
    torch.testing.assert_close(y, mixer(x, MixerCall(num_heads=2, projections=projections)), rtol=1e-9, atol=1e-11)
