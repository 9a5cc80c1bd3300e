"""Turning the pairs of features of a head by angles that grow with the place, so that scores depend on distances.

The pair of the features i and i + K / 2 is a complex number, which place l turns by ``l s_i``. Shape legend: L places,
P = K / 2 pairs.

Paper: Su et al. 2021, RoFormer (in the order of pairs of Hugging Face).
"""

from __future__ import annotations

import torch
from torch import Tensor

from supernet.costs import Activations

__all__ = ["BASE", "base_problem", "rotary_speeds", "turned", "turned_costs", "waves_of"]


BASE = 10000.0
"""The base of the speeds that is usual."""


def base_problem(base: object) -> str | None:
    """Return what is wrong with the base of the speeds, or ``None``."""
    if isinstance(base, bool) or not isinstance(base, int | float) or base <= 1:
        return f"base {base!r} is not a number above 1"
    return None


def rotary_speeds(features: int, base: float) -> Tensor:
    """Return the angles ``base^(-2 i / K)`` that one place turns each pair by, float64."""
    pairs = features // 2
    return base ** (torch.arange(pairs, dtype=torch.float64) / -pairs)


def waves_of(length: int, speed_P: Tensor) -> Tensor:
    """Return the cosines and the sines of the angles of all places, ``(2, L, P)``."""
    angle_LP = torch.arange(length, dtype=torch.float64)[:, None] * speed_P
    return torch.stack([angle_LP.cos(), angle_LP.sin()]).to(torch.get_default_dtype())


def turned(x_BHLK: Tensor, waves_2LP: Tensor) -> Tensor:
    """Return the vectors ``(B, H, L, K)`` turned by the angles of their places."""
    (a_BHLP, b_BHLP), (cos_LP, sin_LP) = x_BHLK.chunk(2, -1), waves_2LP.unbind()
    y_BHLK = torch.cat([a_BHLP * cos_LP - b_BHLP * sin_LP, b_BHLP * cos_LP + a_BHLP * sin_LP], -1)
    return y_BHLK.to(x_BHLK.dtype)


def turned_costs(live: Activations, values: int) -> None:
    """Tell what :func:`turned` makes and drops of so many values, its result remaining."""
    for _ in range(2):
        live.make(*3 * [values // 2])
        live.drop(2 * (values // 2))
    live.make(values)
    live.drop(values)
