"""Clipped attention against its formula, one token and head at a time; and what it is for, exact zeros and ones."""

from __future__ import annotations

import math

import pytest
import torch

from supernet.blocks import MixerCall
from supernet.catalogue import MIXERS
from tests.supernet.mixers.decoding import token_by_token
from tests.supernet.naive import HEAD_DIM, assert_same, build, build_projections, from_rows, heads, normal, shape_of

OPTIONS = {"gamma": -0.2, "zeta": 1.3}


def naive(q, k, v, *, gamma, zeta, causal, lengths=None):
    def row(b, h, i):
        seen = range(i + 1 if causal else lengths[b] if lengths else k.shape[2])
        exponentials = [torch.exp(q[b, h, i] @ k[b, h, j] / math.sqrt(HEAD_DIM)) for j in seen]
        total, out = sum(exponentials), torch.zeros(HEAD_DIM, dtype=q.dtype)
        for j, e in zip(seen, exponentials, strict=True):
            weight = (zeta - gamma) * e / total + gamma
            out = out + (weight if 0 < weight < 1 else 0.0 if weight <= 0 else 1.0) * v[b, h, j]
        return out

    return from_rows([[[row(b, h, i) for i in range(q.shape[2])] for h in range(q.shape[1])] for b in range(len(q))])


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("options", [OPTIONS, {}, {"alpha": 3}, {"gamma": 0, "zeta": 1}])
def test_equals_the_clipped_softmax(causal, options):
    mixer = build("clipped_softmax", shape_of(seq_len=6, causal=causal, options=options))
    numbers = {"gamma": -options.get("alpha", 2) / 6, "zeta": 1.0}
    numbers |= {name: value for name, value in options.items() if name in numbers}
    assert_same(mixer.attend, lambda *qkv: naive(*qkv, causal=causal, **numbers), *heads(6))


def test_without_a_stretch_it_is_softmax():
    q, k, v = heads(9)
    plain, stretched = build("softmax", shape_of(seq_len=9)), shape_of(seq_len=9, options={"gamma": 0.0, "zeta": 1.0})
    torch.testing.assert_close(build("clipped_softmax", stretched).attend(q, k, v), plain.attend(q, k, v))


def test_weights_are_exactly_zero_and_one():
    mixer = build("clipped_softmax", shape_of(seq_len=4, num_heads=1, options=OPTIONS))
    k = torch.eye(4, dtype=torch.float64)[None, None]
    q, v = torch.zeros(1, 1, 4, 4, dtype=torch.float64), torch.eye(4, dtype=torch.float64)[None, None]
    q[..., 0, 0] = 12.0  # the first query wants the first key alone, the others nothing in particular
    weights = mixer.attend(q, k, v)[0, 0]
    assert weights[0].tolist() == [1.0, 0.0, 0.0, 0.0]
    assert torch.allclose(weights[1:], torch.full((3, 4), 1.5 / 4 - 0.2, dtype=torch.float64))
    wide = build("clipped_softmax", shape_of(seq_len=4, num_heads=1, options={"gamma": -0.5}))
    assert not wide.attend(q, k, v)[0, 0, 1:].any(), "a head that has nothing to say is silent"


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("length", [16, 64, 256])
def test_no_token_begins_by_ignoring_all(length, causal):
    """Of a clipped row that is all zero no gradient comes; scores of unit variance are those of fresh projections."""
    mixer = MIXERS["clipped_softmax"](shape_of(seq_len=length, causal=causal))
    q, k = (torch.randn(4, 2, length, 32, generator=torch.Generator().manual_seed(seed)) for seed in (1, 2))
    assert mixer.attend(q, k, torch.ones_like(q))[..., 0].min() > 0


def test_padding_is_not_there():
    mixer, (q, k, v) = build("clipped_softmax", shape_of(seq_len=5, options=OPTIONS)), heads(5)
    mask = torch.arange(5) < torch.tensor([[5], [2]])
    y = mixer.attend(q, k, v, mask).transpose(1, 2)
    expected = naive(q, k, v, causal=False, lengths=[5, 2], **OPTIONS).transpose(1, 2)
    torch.testing.assert_close(y[mask], expected[mask], rtol=1e-9, atol=1e-11)


def test_decodes_what_it_computes_at_once():
    shape = shape_of(seq_len=5, causal=True, num_heads=2, options=OPTIONS)
    mixer, projections, x = build("clipped_softmax", shape), build_projections(shape), normal(2, 5, 6)
    y = token_by_token(mixer, x, num_heads=2, projections=projections)
    torch.testing.assert_close(y, mixer(x, MixerCall(num_heads=2, projections=projections)), rtol=1e-9, atol=1e-11)


def test_bfloat16_tells_small_weights_apart():
    """Of 200 equal keys each has a weight of 0.005, which a gamma of -0.004 must leave a fifth of."""
    mixer = MIXERS["clipped_softmax"](shape_of(seq_len=200, num_heads=1, options={"gamma": -0.004})).bfloat16()
    q, v = torch.zeros(1, 1, 200, HEAD_DIM).bfloat16(), torch.ones(1, 1, 200, HEAD_DIM).bfloat16()
    assert mixer.attend(q, q, v).mean().item() == pytest.approx(200 * (1.004 / 200 - 0.004), rel=0.02)


@pytest.mark.parametrize(
    "option", [{"alpha": -1}, {"gamma": 0.1}, {"gamma": -2}, {"gamma": "low"}, {"zeta": 0.9}, {"zeta": True}]
)
def test_a_stretch_that_is_none_is_refused(option):
    problem = MIXERS["clipped_softmax"].spec.check(shape_of(seq_len=4, options=option))
    assert problem and next(iter(option)) in problem and "number from" in problem
