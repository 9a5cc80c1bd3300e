"""Linformer against its formula, one summary and one query at a time."""

import math

import pytest
import torch

from supernet.blocks import MixerCall
from tests.contracts.live_memory import peak_values
from tests.supernet.naive import HEAD_DIM, assert_same, build, build_projections, normal, shape_of


def naive(x, mixer, projections, *, num_heads, lengths=None):
    batch, length = x.shape[:2]
    lengths = lengths or [length] * batch
    q, k, v = (
        (x @ p.weight.T + p.bias).view(batch, length, -1, HEAD_DIM)
        for p in (projections.q, projections.k, projections.v)
    )
    rows = []
    for b in range(batch):
        for i in range(length):
            merged = []
            for h in range(num_heads):
                keys, values = (
                    [sum(across[r, j] * t[b, j, h] for j in range(lengths[b])) for r in range(len(across))]
                    for across, t in ((mixer.keys.weight, k), (mixer.values.weight, v))
                )
                logits = torch.stack([q[b, i, h] @ key / math.sqrt(HEAD_DIM) for key in keys])
                merged.append(torch.softmax(logits, 0) @ torch.stack(values))
            rows.append(projections.out.weight @ torch.cat(merged) + projections.out.bias)
    return torch.stack(rows).view(batch, length, -1)


@pytest.mark.parametrize("length, rank", [(5, 2), (4, 1), (3, 8)])
def test_equals_attention_to_the_summaries(length, rank):
    shape = shape_of(seq_len=length, num_heads=2, options={"rank": rank})
    mixer, projections = build("linformer", shape), build_projections(shape)
    assert_same(
        lambda x: mixer(x, MixerCall(num_heads=2, projections=projections)),
        lambda x: naive(x, mixer, projections, num_heads=2),
        normal(2, length, 6),
        parameters=(*projections.parameters(), *mixer.parameters()),
    )


def test_padding_is_not_there():
    shape = shape_of(seq_len=5, num_heads=2, options={"rank": 2})
    mixer, projections, x = build("linformer", shape), build_projections(shape), normal(2, 5, 6)
    mask = torch.arange(5) < torch.tensor([[5], [3]])
    y = mixer(x, MixerCall(num_heads=2, projections=projections, mask_BL=mask))
    expected = naive(x, mixer, projections, num_heads=2, lengths=[5, 3])
    torch.testing.assert_close(y[mask], expected[mask], rtol=1e-9, atol=1e-11)


def test_memory_grows_with_the_length_alone():
    def peak(length):
        shape = shape_of(seq_len=length)
        mixer, projections = build("linformer", shape).float(), build_projections(shape).float()
        mixer.add_module("projections", projections)
        run = mixer.forward
        mixer.forward = lambda x: run(x, MixerCall(num_heads=3, projections=projections))
        return peak_values(mixer, normal(1, length, 6).detach().float()).peak

    assert peak(4096) == pytest.approx(4 * peak(1024), rel=0.02)
