"""Shifted windows against a softmax over the tokens of each piece that the shifted grid cuts the picture into."""

import math

import pytest
import torch

from supernet.blocks import MixerCall
from tests.supernet.naive import HEAD_DIM, assert_same, build, build_projections, normal, shape_of


def piece(place, *, side, size):
    """Return which piece of an axis a place is in: half a window at each end, whole windows between."""
    return 0 if side <= size else (place + size - size // 2) // size


def naive(x, projections, *, grid, size, num_heads, bias=None):
    height, width = grid
    q, k, v = (
        (x @ p.weight.T + p.bias).view(len(x), height, width, num_heads, HEAD_DIM)
        for p in (projections.q, projections.k, projections.v)
    )
    rows = []
    for b in range(len(x)):
        for y in range(height):
            for z in range(width):
                places = [
                    (i, j)
                    for i in range(height)
                    for j in range(width)
                    if piece(i, side=height, size=size) == piece(y, side=height, size=size)
                    and piece(j, side=width, size=size) == piece(z, side=width, size=size)
                ]
                merged = []
                for h in range(num_heads):
                    logits = torch.stack([q[b, y, z, h] @ k[b, i, j, h] / math.sqrt(HEAD_DIM) for i, j in places])
                    if bias is not None:
                        apart = [bias[h, i - y + size - 1, j - z + size - 1] for i, j in places]
                        logits = logits + torch.stack(apart)
                    values = torch.stack([v[b, i, j, h] for i, j in places])
                    merged.append(torch.softmax(logits, 0) @ values)
                rows.append(projections.out.weight @ torch.cat(merged) + projections.out.bias)
    return torch.stack(rows).view(len(x), height * width, -1)


@pytest.mark.parametrize("relative_bias", [False, True])
@pytest.mark.parametrize("grid, size", [((4, 4), 2), ((2, 6), 2), ((6, 3), 3), ((3, 3), 3), ((4, 2), 1)])
def test_equals_the_softmax_inside_each_piece(grid, size, relative_bias):
    options = {"size": size, "relative_bias": relative_bias}
    shape = shape_of(seq_len=grid[0] * grid[1], grid=grid, embed_dim=5, num_heads=2, options=options)
    mixer, projections = build("shifted_window", shape), build_projections(shape)
    assert_same(
        lambda x: mixer(x, MixerCall(num_heads=2, projections=projections)),
        lambda x: naive(x, projections, grid=grid, size=size, num_heads=2, bias=mixer.bias),
        normal(2, grid[0] * grid[1], 5),
        parameters=(*projections.parameters(), *mixer.parameters()),
    )
