"""Pooling against means over the places that exist."""

import pytest
import torch

from search_space.errors import SpaceError
from supernet.blocks import MixerCall
from tests.supernet.naive import assert_same, build, normal, shape_of


def naive(x, *, grid, size):
    height, width = grid
    reach = size // 2
    rows = []
    for y in range(height):
        for z in range(width):
            near = [
                i * width + j
                for i in range(y - reach, y + reach + 1)
                for j in range(z - reach, z + reach + 1)
                if 0 <= i < height and 0 <= j < width
            ]
            rows.append(sum(x[:, i] for i in near) / len(near) - x[:, y * width + z])
    return torch.stack(rows, 1)


@pytest.mark.parametrize("grid, size", [((4, 4), 3), ((2, 5), 3), ((3, 4), 5), ((1, 1), 3)])
def test_equals_the_mean_on_a_grid(grid, size):
    length = grid[0] * grid[1]
    mixer = build("pooling", shape_of(seq_len=length, grid=grid, options={"size": size}))
    assert_same(lambda x: mixer(x, MixerCall()), lambda x: naive(x, grid=grid, size=size), normal(2, length, 3))


@pytest.mark.parametrize("length, size", [(7, 3), (2, 5)])
def test_equals_the_mean_on_a_sequence(length, size):
    mixer = build("pooling", shape_of(seq_len=length, options={"size": size}))
    # One row whose windows are as high as it is: the rows above and below do not exist.
    assert_same(lambda x: mixer(x, MixerCall()), lambda x: naive(x, grid=(1, length), size=size), normal(2, length, 3))


def test_an_even_size_is_refused(make_space):
    with pytest.raises(SpaceError, match="size 4 is not an odd integer"):
        make_space(mixer=["pooling"], options={"pooling": {"size": 4}})
