"""Linear attention against sums over pairs of tokens, as the paper's equation 9 writes it."""

import math

import pytest
import torch

from search_space import BlockSpec
from tests.contracts.live_memory import peak_values
from tests.supernet.naive import assert_same, build, from_rows, heads, normal, shape_of


def feature(x):
    return torch.stack([value + 1 if value > 0 else torch.exp(value) for value in x])


def naive(q, k, v, *, causal):
    def row(b, h, i):
        weights = [feature(q[b, h, i]) @ feature(k[b, h, j]) for j in range(i + 1 if causal else q.shape[2])]
        return sum(w * v[b, h, j] for j, w in enumerate(weights)) / (sum(weights) + 1e-6)

    batch, num_heads, length, _ = q.shape
    return from_rows([[[row(b, h, i) for i in range(length)] for h in range(num_heads)] for b in range(batch)])


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("length, chunk", [(1, 4), (4, 4), (5, 8), (9, 3), (10, 4)])
def test_equals_the_sum_over_pairs(causal, length, chunk):
    mixer = build("linear", shape_of(seq_len=length, causal=causal, options={"chunk": chunk}))
    assert_same(mixer.attend, lambda q, k, v: naive(q, k, v, causal=causal), *heads(length))


@pytest.mark.parametrize("causal", [False, True])
def test_memory_grows_with_the_length_alone(causal):
    def peak(length):
        mixer = build("linear", shape_of(seq_len=length, causal=causal))
        mixer.forward = lambda x: mixer.attend(x, x, x)
        return peak_values(mixer, normal(1, 2, length, 4).detach()).peak

    assert peak(1024) == pytest.approx(2 * peak(512), rel=0.02)


def test_far_features_do_not_divide_by_zero():
    mixer = build("linear", shape_of(seq_len=8, causal=True, options={"chunk": 4})).float()
    q, k, v = (t.detach().float() for t in heads(8))
    assert mixer.attend(q - 500, k - 500, v).isfinite().all()
    assert math.isclose(mixer.attend(q + 1e4, k + 1e4, torch.ones_like(v)).min().item(), 1, rel_tol=1e-5)


def test_chunk_is_an_option(space):
    spec: BlockSpec = space.catalogue.mixers["linear"]
    assert spec.check(shape_of(seq_len=8, options={"chunk": 0})) is not None
