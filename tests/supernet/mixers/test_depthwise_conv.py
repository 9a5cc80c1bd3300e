"""The inverted separable convolution against sums over taps."""

import pytest
import torch

from supernet.blocks import MixerCall
from tests.supernet.naive import assert_same, build, normal, shape_of


def naive(x, mixer, *, grid, causal):
    """Sum the taps of each feature; a sequence is a grid of one column, a causal tap looks back."""
    height, width = grid
    filters = mixer.filters[:, 0]
    up, down, back = filters.shape[1], filters.shape[2], filters.shape[1] - 1 if causal else filters.shape[1] // 2
    hidden = x @ mixer.up.weight.T + mixer.up.bias
    hidden = torch.where(hidden > 0, hidden, 0.0) ** 2
    rows = []
    for y in range(height):
        for z in range(width):
            total = torch.zeros_like(hidden[:, 0])
            for i in range(up):
                for j in range(down):
                    a, b = y + i - back, z + j - down // 2
                    if 0 <= a < height and 0 <= b < width:
                        total = total + filters[:, i, j] * hidden[:, a * width + b]
            rows.append(total @ mixer.down.weight.T + mixer.down.bias)
    return torch.stack(rows, 1)


@pytest.mark.parametrize(
    "grid, length, causal, kernel",
    [((4, 4), 16, False, 3), ((2, 5), 10, False, 5), (None, 7, False, 3), (None, 7, True, 3), (None, 3, True, 5)],
)
def test_equals_the_sum_over_taps(grid, length, causal, kernel):
    options = {"kernel": kernel, "expansion": 3}
    mixer = build("depthwise_conv", shape_of(seq_len=length, grid=grid, causal=causal, embed_dim=4, options=options))
    assert_same(
        lambda x: mixer(x, MixerCall()),
        lambda x: naive(x, mixer, grid=grid or (length, 1), causal=causal),
        normal(2, length, 4),
        parameters=tuple(mixer.parameters()),
    )
