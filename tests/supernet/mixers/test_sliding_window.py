"""Sliding window attention against a softmax over each token's neighbours, one token at a time."""

import math

import pytest
import torch

from tests.contracts.live_memory import peak_values
from tests.supernet.naive import HEAD_DIM, assert_same, build, from_rows, heads, normal, shape_of


def naive(q, k, v, *, width, causal):
    length = q.shape[2]

    def row(b, h, i):
        near = range(max(0, i - width), i + 1 if causal else min(length, i + width + 1))
        weights = torch.softmax(torch.stack([q[b, h, i] @ k[b, h, j] / math.sqrt(HEAD_DIM) for j in near]), 0)
        return sum(w * v[b, h, j] for w, j in zip(weights, near, strict=True))

    return from_rows([[[row(b, h, i) for i in range(length)] for h in range(q.shape[1])] for b in range(q.shape[0])])


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("length, width", [(1, 3), (5, 8), (6, 2), (7, 2), (8, 2), (9, 3), (7, 1), (13, 4)])
def test_equals_the_softmax_over_neighbours(causal, length, width):
    mixer = build("sliding_window", shape_of(seq_len=length, causal=causal, options={"width": width}))
    assert_same(mixer.attend, lambda q, k, v: naive(q, k, v, width=width, causal=causal), *heads(length))


@pytest.mark.parametrize("causal", [False, True])
def test_memory_and_constants_grow_with_the_length_alone(causal):
    def sizes(length):
        mixer = build("sliding_window", shape_of(seq_len=length, causal=causal))
        mixer.forward = lambda x: mixer.attend(x, x, x)
        return peak_values(mixer, normal(1, 2, length, 4).detach()).peak, sum(b.numel() for b in mixer.buffers())

    for long, short in zip(sizes(1024), sizes(512), strict=True):
        assert long == pytest.approx(2 * short, rel=0.02)


def test_a_width_below_one_is_refused(space):
    check = space.catalogue.mixers["sliding_window"].check
    assert check(shape_of(seq_len=8, options={"width": 0})) is not None
    assert check(shape_of(seq_len=8, options={"width": 1})) is None
