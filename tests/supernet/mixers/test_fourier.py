"""The Fourier mixer against PyTorch's fast transform and against the sum that defines it."""

import cmath
import math

import pytest
import torch

from supernet.blocks import MixerCall
from tests.supernet.naive import assert_same, build, normal, shape_of


@pytest.mark.parametrize("length, width", [(1, 1), (5, 6), (8, 4), (7, 3)])
def test_equals_the_fast_transform(length, width):
    mixer = build("fourier", shape_of(seq_len=length, embed_dim=width))
    assert_same(
        lambda x: mixer(x, MixerCall()), lambda x: torch.fft.fft2(x, norm="ortho").real, normal(2, length, width)
    )


def test_equals_the_sum():
    mixer, x = build("fourier", shape_of(seq_len=3, embed_dim=4)), normal(1, 3, 4).detach()
    for i in range(3):
        for j in range(4):
            total = sum(
                x[0, a, b].item() * cmath.exp(-2j * math.pi * (a * i / 3 + b * j / 4))
                for a in range(3)
                for b in range(4)
            )
            assert math.isclose(mixer(x, MixerCall())[0, i, j].item(), total.real / math.sqrt(12), abs_tol=1e-12)


def test_a_smaller_width_has_a_transform_of_its_own():
    mixer, x = build("fourier", shape_of(seq_len=5, embed_dim=8)), normal(2, 5, 6)
    for _ in range(2):
        torch.testing.assert_close(mixer(x, MixerCall()), torch.fft.fft2(x, norm="ortho").real, rtol=1e-9, atol=1e-11)
    assert mixer.float()(x.float(), MixerCall()).dtype == torch.float32


def test_padding_counts_as_zero():
    mixer, x = build("fourier", shape_of(seq_len=5, embed_dim=4)), normal(2, 5, 4)
    mask = torch.arange(5) < torch.tensor([[5], [3]])
    expected = torch.fft.fft2(x * mask[..., None], norm="ortho").real
    torch.testing.assert_close(mixer(x, MixerCall(mask_BL=mask)), expected, rtol=1e-9, atol=1e-11)
