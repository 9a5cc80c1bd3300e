"""Gated attention against its formula, one token and head at a time."""

import math

import pytest
import torch

from supernet.blocks import MixerCall
from tests.supernet.mixers.decoding import token_by_token
from tests.supernet.naive import HEAD_DIM, assert_same, build, build_projections, normal, shape_of


def naive(x, mixer, projections, *, num_heads, causal, lengths=None):
    q, k, v = (
        (x @ p.weight.T + p.bias).view(*x.shape[:2], -1, HEAD_DIM)
        for p in (projections.q, projections.k, projections.v)
    )
    rows = []
    for b in range(len(x)):
        for i in range(x.shape[1]):
            seen = range(i + 1) if causal else range(lengths[b] if lengths else x.shape[1])
            merged = []
            for h in range(num_heads):
                logits = torch.stack([q[b, i, h] @ k[b, j, h] / math.sqrt(HEAD_DIM) for j in seen])
                gate = 1 / (1 + torch.exp(-(mixer.gate.weight[h] @ x[b, i] + mixer.gate.bias[h])))
                merged.append(gate * (torch.softmax(logits, 0) @ torch.stack([v[b, j, h] for j in seen])))
            rows.append(projections.out.weight @ torch.cat(merged) + projections.out.bias)
    return torch.stack(rows).view(x.shape[0], x.shape[1], -1)


@pytest.mark.parametrize("causal", [False, True])
def test_equals_the_gated_softmax(causal):
    shape = shape_of(seq_len=4, causal=causal, num_heads=2)
    mixer, projections = build("gated_softmax", shape), build_projections(shape)
    assert_same(
        lambda x: mixer(x, MixerCall(num_heads=2, projections=projections)),
        lambda x: naive(x, mixer, projections, num_heads=2, causal=causal),
        normal(2, 4, 6),
        parameters=(*projections.parameters(), *mixer.parameters()),
    )


def test_padding_is_not_there():
    shape = shape_of(seq_len=4, num_heads=2)
    mixer, projections, x = build("gated_softmax", shape), build_projections(shape), normal(2, 4, 6)
    mask = torch.arange(4) < torch.tensor([[4], [2]])
    y = mixer(x, MixerCall(num_heads=2, projections=projections, mask_BL=mask))
    expected = naive(x, mixer, projections, num_heads=2, causal=False, lengths=[4, 2])
    torch.testing.assert_close(y[mask], expected[mask], rtol=1e-9, atol=1e-11)


def test_decodes_what_it_computes_at_once():
    shape = shape_of(seq_len=5, causal=True, num_heads=2)
    mixer, projections, x = build("gated_softmax", shape), build_projections(shape), normal(2, 5, 6)
    y = token_by_token(mixer, x, num_heads=2, projections=projections)
    torch.testing.assert_close(y, mixer(x, MixerCall(num_heads=2, projections=projections)), rtol=1e-9, atol=1e-11)
