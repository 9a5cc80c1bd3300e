"""Bi-level routing against the paper's steps, one region and token at a time."""

import math

import pytest
import torch

from search_space.errors import SpaceError
from supernet.blocks import MixerCall
from tests.supernet.naive import HEAD_DIM, assert_same, build, build_projections, normal, shape_of


def naive(x, mixer, projections, *, grid, size, regions, kernel, num_heads):
    height, width = grid
    q, k, v = (
        (x @ p.weight.T + p.bias).view(len(x), height, width, -1) for p in (projections.q, projections.k, projections.v)
    )
    corners = [(y, z) for y in range(0, height, size) for z in range(0, width, size)]
    inside = {c: [(c[0] + i, c[1] + j) for i in range(size) for j in range(size)] for c in corners}
    rows = []
    for b in range(len(x)):
        mean_q = {c: sum(q[b, i, j] for i, j in inside[c]) / size**2 for c in corners}
        mean_k = {c: sum(k[b, i, j] for i, j in inside[c]) / size**2 for c in corners}
        for y in range(height):
            for z in range(width):
                own = (y - y % size, z - z % size)
                ranked = sorted(corners, key=lambda c: -(mean_q[own] @ mean_k[c]).item())
                places = [place for c in ranked[:regions] for place in inside[c]]
                merged = []
                for h in range(num_heads):
                    part = slice(h * HEAD_DIM, (h + 1) * HEAD_DIM)
                    logits = [q[b, y, z, part] @ k[b, i, j, part] / math.sqrt(HEAD_DIM) for i, j in places]
                    values = torch.stack([v[b, i, j, part] for i, j in places])
                    merged.append(torch.softmax(torch.stack(logits), 0) @ values)
                local, reach = torch.zeros(num_heads * HEAD_DIM, dtype=x.dtype), kernel // 2
                for i in range(max(0, y - reach), min(height, y + reach + 1)):
                    for j in range(max(0, z - reach), min(width, z + reach + 1)):
                        taps = mixer.filters[: num_heads * HEAD_DIM, 0, i - y + reach, j - z + reach]
                        local = local + taps * v[b, i, j]
                rows.append(projections.out.weight @ (torch.cat(merged) + local) + projections.out.bias)
    return torch.stack(rows).view(len(x), height * width, -1)


@pytest.mark.parametrize(
    "grid, size, regions, kernel", [((4, 4), 2, 2, 3), ((2, 6), 2, 1, 5), ((3, 3), 1, 4, 1), ((4, 2), 2, 9, 3)]
)
def test_equals_the_paper(grid, size, regions, kernel):
    options = {"size": size, "regions": regions, "kernel": kernel}
    shape = shape_of(seq_len=grid[0] * grid[1], grid=grid, embed_dim=5, num_heads=2, options=options)
    mixer, projections = build("bilevel_routing", shape), build_projections(shape)
    assert_same(
        lambda x: mixer(x, MixerCall(num_heads=2, projections=projections)),
        lambda x: naive(x, mixer, projections, grid=grid, num_heads=2, **options),
        normal(2, grid[0] * grid[1], 5),
        parameters=(*projections.parameters(), *mixer.parameters()),
    )


def test_regions_that_do_not_tile_the_grid_are_refused(make_space):
    with pytest.raises(SpaceError, match=r"regions of size 3x3 cannot tile a grid of 4x4 tokens"):
        make_space(mixer=["bilevel_routing"], options={"bilevel_routing": {"size": 3}})
