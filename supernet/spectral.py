"""Convolution with filters as long as the sequence, through Fourier transforms that are matrix products.

Tokens are laid out as R rows and C columns, a sequence row after row, and padded with zeros to M and N of them, so that
a circular convolution is one that ends where they end. A transform is one over the rows, of which half is kept because
tokens are real numbers, and one over the columns; in a sequence the columns are turned between the two (Cooley and
Tukey's step, as in FlashFFTConv), on a grid they are not. Matrix products run in every runtime, without complex
numbers, and cost ``O(L^1.5)`` operations a feature.

Shape legend: B batch, L tokens, D features, R and C rows and columns of tokens, M and N with padding, F = M / 2 + 1
frequencies of rows, 2 a real and an imaginary part.

Papers: Cooley & Tukey 1965; Fu et al. 2023, FlashFFTConv (the transform as two matrix products).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from supernet.costs import Activations

__all__ = ["LongConvolution", "Plan", "plan_of", "without_autocast"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """The layout of tokens for two transforms."""

    length: int
    rows: int
    columns: int
    padded_rows: int
    padded_columns: int
    turned: bool

    @property
    def frequencies(self) -> int:
        """How many frequencies of rows are kept."""
        return self.padded_rows // 2 + 1

    @property
    def taps(self) -> int:
        """Number of places of a filter: M N."""
        return self.padded_rows * self.padded_columns

    @property
    def constants(self) -> int:
        """Values that :class:`LongConvolution` stores."""
        turns = 2 * (self.frequencies if self.turned else 1) * self.padded_columns
        return 2 * self.frequencies * (self.padded_rows + 1) + 2 * self.padded_columns**2 + turns

    @property
    def flops(self) -> int:
        """Operations for one feature of one example, the filter's own transform not included."""
        one = 2 * self.frequencies * self.rows + 4 * self.frequencies * self.padded_columns
        return 4 * one * self.columns


@cache
def plan_of(length: int, grid: tuple[int, int] | None) -> Plan:
    """Return the layout of a grid's tokens, or that of a sequence which takes the fewest operations."""
    if grid is not None:
        rows, columns = grid
        padded = {"padded_rows": 2 * rows - 1, "padded_columns": 2 * columns - 1}
        return Plan(length=length, rows=rows, columns=columns, turned=False, **padded)
    plans = (
        Plan(length=length, rows=r, columns=c, padded_rows=2 * r, padded_columns=c, turned=True)
        for c in range(1, length + 1)
        for r in (-(-length // c),)
    )
    return min(plans, key=lambda plan: plan.flops)


def _angles(left: int, right: int, turn: int) -> np.ndarray:
    """Return ``2 pi j k / turn``, float64; whole turns are taken out before the angle is rounded."""
    return 2 * np.pi / turn * (np.outer(np.arange(left), np.arange(right)) % turn)


def without_autocast(device: torch.device) -> contextlib.AbstractContextManager[object]:
    """Return a context in which products keep their type: in bfloat16 rounding mixes 2^-8 of all tokens into each."""
    if not torch.is_autocast_enabled(device.type):
        return contextlib.nullcontext()  # exporters take no switch
    return torch.autocast(device.type, enabled=False)


class LongConvolution(nn.Module):
    """Filters ``(B, L, D)`` feature by feature."""

    __call__: Callable[..., Tensor]

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan
        m, n, frequencies = plan.padded_rows, plan.padded_columns, plan.frequencies
        angle_FM, angle_NN = _angles(frequencies, m, m), _angles(n, n, n)
        angle_F1N = _angles(frequencies, n, m * n)[:, None] if plan.turned else np.zeros((1, 1, n))
        frequency_F = np.arange(
            frequencies
        )  # those left out are the conjugates of these, but of the first and the middle
        share_F = np.where((frequency_F == 0) | (2 * frequency_F == m), 1.0, 2.0) / (m * n)
        self.rows_F2M: Tensor
        self.share_F21: Tensor
        self.columns_2NN: Tensor
        self.turns_2F1N: Tensor
        self._constant("rows_F2M", np.stack([np.cos(angle_FM), -np.sin(angle_FM)], 1))
        self._constant("share_F21", np.repeat(share_F[:, None, None], 2, 1))
        self._constant("columns_2NN", np.stack([np.cos(angle_NN), np.sin(angle_NN)]))
        self._constant("turns_2F1N", np.stack([np.cos(angle_F1N), np.sin(angle_F1N)]))

    def _constant(self, name: str, value: np.ndarray) -> None:
        self.register_buffer(name, torch.tensor(value, dtype=torch.get_default_dtype()), persistent=False)

    def forward(self, x_BLD: Tensor, filter_TD: Tensor) -> Tensor:
        """Return each feature of the tokens convolved with its filter, ``(B, L, D)``.

        Filters have a value for each of T = M N offsets: negative ones count from the end.
        """
        plan, (batch, length, features) = self.plan, x_BLD.shape
        rows_F2M, columns_F2n2N = self.rows_F2M.clone(), self._columns()
        h = self._transformed(filter_TD.reshape(plan.padded_rows, -1), rows_F2M, columns_F2n2N)
        h_F2N1D = h.view(plan.frequencies, 2, -1, 1, features)
        rows_F2R = rows_F2M[..., : plan.rows]
        columns_F2n2C = torch.unflatten(columns_F2n2N, 2, (2, -1))[..., : plan.columns].flatten(2)
        extra = plan.rows * plan.columns - length
        x_LBD = (F.pad(x_BLD, (0, 0, 0, extra)) if extra else x_BLD).transpose(0, 1)
        y = x_LBD.reshape(plan.rows, -1)
        del x_LBD
        y = self._transformed(y, rows_F2R, columns_F2n2C)
        y = _product(y.view(plan.frequencies, 2, -1, batch, features), h_F2N1D)
        y = torch.bmm(columns_F2n2C.mT, y.view(plan.frequencies, -1, batch * features))
        y = (rows_F2R * self.share_F21).flatten(0, 1).mT @ y.view(2 * plan.frequencies, -1)
        return y.view(-1, batch, features)[:length].transpose(0, 1)

    def _transformed(self, x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """Return the transform of tokens, row by row, over the rows and then over the columns."""
        count = columns.shape[2] // 2
        y = rows.flatten(0, 1) @ x
        return torch.bmm(columns, y.view(self.plan.frequencies, 2 * count, -1))

    def _columns(self) -> Tensor:
        """Return the matrices ``(F, 2 N, 2 N)`` of the second transform."""
        (cos_F1N, sin_F1N), (cos_NN, sin_NN) = self.turns_2F1N.clone(), self.columns_2NN.clone()
        cos, sin = cos_NN * cos_F1N - sin_NN * sin_F1N, sin_NN * cos_F1N + cos_NN * sin_F1N
        matrix = torch.cat([torch.cat([cos, sin], 2), torch.cat([-sin, cos], 2)], 1)
        return matrix.expand(self.plan.frequencies, -1, -1)

    @staticmethod
    def costs(live: Activations, plan: Plan, features: int) -> int:
        """Tell what :meth:`forward` makes and drops of its input, which stays; return its operations for one example.

        The result takes the place of the padded tokens.
        """
        values, padded = plan.length * features, plan.rows * plan.columns * features
        between = 2 * plan.frequencies * plan.columns * features
        whole = 2 * plan.frequencies * plan.padded_columns * features
        copies = padded if padded > values else 0
        live.make(copies, padded, between)
        live.drop(copies + padded)
        live.turn(between, whole)
        live.make(*4 * [whole // 2])
        live.drop(2 * (whole // 2))
        live.turn(whole, whole)
        live.drop(whole)
        live.turn(whole, between)
        live.turn(between, padded)
        return plan.flops * features


def _product(a_F2: Tensor, b_F2: Tensor) -> Tensor:
    """Return the product of complex numbers, their parts on the axis after the first."""
    (a, b), (c, d) = a_F2.unbind(1), b_F2.unbind(1)
    return torch.stack([a * c - b * d, a * d + b * c], 1)
