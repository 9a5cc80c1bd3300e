"""The long convolution against Hyena's formula, one pair of tokens at a time, and against a fast Fourier transform."""

from __future__ import annotations

import math

import pytest
import torch

from supernet.blocks import MixerCall
from supernet.mixers.long_conv import BANDS, SINE_FREQUENCY, WINDOW_SHIFT
from supernet.spectral import LongConvolution, plan_of
from tests.supernet.naive import assert_same, build, normal, shape_of

WIDTH = 4


def filter_at(mixer, offset):
    """Return the long filters at one offset, a share of the length along each axis, ``(D,)``."""
    places = [*offset, *(math.cos(2 * math.pi * b * t) for t in offset for b in range(BANDS))]
    places += [math.sin(2 * math.pi * b * t) for t in offset for b in range(BANDS)]
    h = torch.tensor([*places, 1.0], dtype=torch.float64)
    for weight in (mixer.first, mixer.second):
        h = torch.cat([torch.sin(SINE_FREQUENCY * (weight @ h)), torch.ones(1, dtype=torch.float64)])
    fading = sum(abs(t) * mixer.decay[:, axis].exp() for axis, t in enumerate(offset))
    value = (mixer.last @ h[:-1]) * (torch.exp(-fading) + WINDOW_SHIFT)
    return value if any(offset) else value + mixer.skip


def by_formula(mixer, *, causal, grid=None):
    def short(which, x):
        y = x @ mixer.projections[which].weight.T + mixer.projections[which].bias
        kernel, columns = mixer.short.shape[3], grid[1] if grid else 1
        rows = []
        for t in range(x.shape[1]):
            total = torch.zeros_like(x[:, 0])
            for other in range(x.shape[1]):
                i = other // columns - t // columns + (kernel - 1 if causal else kernel // 2)
                j = other % columns - t % columns + (kernel // 2 if grid else 0)
                if 0 <= i < kernel and 0 <= j < mixer.short.shape[4]:
                    total = total + mixer.short[which, :, 0, i, j] * y[:, other]
            rows.append(total)
        return torch.stack(rows, 1)

    def run(x):
        length = x.shape[1]
        q, k, v = (short(which, x) for which in range(3))
        u, rows = k * v, []
        for t in range(length):
            total = torch.zeros_like(x[:, 0])
            for other in range(t + 1 if causal else length):
                offset = ((t - other) / length,)
                if grid:
                    (i, j), (m, n) = divmod(t, grid[1]), divmod(other, grid[1])
                    offset = ((i - m) / grid[0], (j - n) / grid[1])
                total = total + filter_at(mixer, offset) * u[:, other]
            rows.append(q[:, t] * total)
        return torch.stack(rows, 1) @ mixer.out.weight.T + mixer.out.bias

    return run


@pytest.mark.parametrize("causal, grid, length", [(True, None, 7), (False, None, 6), (False, (2, 3), 6)])
def test_equals_the_formula(causal, grid, length):
    shape = shape_of(seq_len=length, causal=causal, grid=grid, embed_dim=WIDTH, options={"filter_dim": 3})
    mixer = build("long_conv", shape)
    naive = by_formula(mixer, causal=causal, grid=grid)
    x = normal(2, length, WIDTH)
    assert_same(lambda x: mixer(x, MixerCall()), naive, x, parameters=tuple(mixer.parameters()))


@pytest.mark.parametrize("length, grid", [(1, None), (2, None), (37, None), (300, None), (35, (5, 7)), (4, (1, 4))])
def test_the_convolution_is_that_of_a_fast_transform(length, grid):
    plan = plan_of(length, grid)
    torch.set_default_dtype(torch.float64)
    try:
        convolution = LongConvolution(plan)
    finally:
        torch.set_default_dtype(torch.float32)
    tokens, filters = normal(2, length, 3), normal(plan.taps, 3, seed=1)
    sizes = (plan.padded_rows, plan.padded_columns) if grid else (plan.taps,)
    axes = tuple(range(-1 - len(sizes), -1))
    waves = torch.fft.fftn(filters.view(*sizes, 3), dim=axes)
    waves = waves * torch.fft.fftn(tokens.unflatten(1, grid) if grid else tokens, sizes, dim=axes)
    expected = torch.fft.ifftn(waves, dim=axes).real
    expected = expected[:, : grid[0], : grid[1]].flatten(1, 2) if grid else expected[:, :length]
    torch.testing.assert_close(convolution(tokens, filters), expected, rtol=1e-9, atol=1e-10)


def test_filters_begin_with_variance_one():
    mixer = build("long_conv", shape_of(seq_len=9, causal=True, embed_dim=WIDTH))
    mixer.reset_parameters(torch.Generator().manual_seed(1))
    torch.testing.assert_close(mixer.long_filter(WIDTH).norm(dim=0), torch.ones(WIDTH, dtype=torch.float64))


def test_autocast_leaves_the_transforms_in_float32():
    """Else a token would get the rounding of later ones in bfloat16."""
    mixer = build("long_conv", shape_of(seq_len=40, causal=True, embed_dim=WIDTH)).float()
    x = torch.randn(1, 40, WIDTH, generator=torch.Generator().manual_seed(3))
    later = torch.cat([x[:, :20], 10 * x[:, 20:]], 1)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        y, z = mixer(x, MixerCall()), mixer(later, MixerCall())
    assert (y - z)[:, :20].norm() < 0.01 * y[:, :20].norm()
