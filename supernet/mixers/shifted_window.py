"""Softmax attention in square windows that lie half a window off the grid: what joins the windows of ``window``.

The grid is rolled by ``size // 2`` tokens up and left, and cut into windows. ``y_i = softmax_j(q_i k_j / sqrt(K)) v_j``
over those tokens j of i's window that are its neighbours in the picture: tokens that the roll brought around an edge
see each other alone. An axis of one window is not rolled. The option ``relative_bias`` is that of ``window``.

Paper: Liu et al. 2021, Swin Transformer (shifted windows, with the cyclic shift).
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from search_space.spec import BlockShape, BlockSpec, Cost
from supernet.blocks import AttentionMixer, MixerCall
from supernet.costs import attention_cost, fused_attention_activations
from supernet.mixers.window import BIAS, OPTIONS, Window, bias_params, check
from supernet.options import integer_option


def _shifts(shape: BlockShape) -> tuple[int, int]:
    """Return by how many tokens each axis is rolled."""
    assert shape.task.grid is not None
    size = integer_option(shape, OPTIONS, "size")
    height, width = (size // 2 if side > size else 0 for side in shape.task.grid)
    return height, width


def cost(shape: BlockShape) -> Cost:
    """Full attention in each window; a mask for every example and window."""
    length = shape.task.seq_len
    pairs = length * integer_option(shape, OPTIONS, "size") ** 2
    mask, biases = pairs if any(_shifts(shape)) else 0, bias_params(shape)
    plain = attention_cost(
        shape,
        attend_flops=4 * pairs * shape.attention_dim,
        attend_activations=mask * (shape.num_heads if biases else 1) + fused_attention_activations(shape),
        held_activations=length * shape.embed_dim,
        constants=mask,
    )
    return replace(plain, other_params=plain.other_params + biases)


def _mask(shape: BlockShape) -> Tensor:
    """Return ``(N, 1, T, T)``: zero between tokens of one side of the edges, minus infinity between others."""
    assert shape.task.grid is not None
    size = integer_option(shape, OPTIONS, "size")
    around = [torch.arange(n) >= n - s for n, s in zip(shape.task.grid, _shifts(shape), strict=True)]
    side = around[0][:, None] * 2 + around[1]
    height, width = side.shape
    side_NT = side.view(height // size, size, width // size, size).transpose(1, 2).reshape(-1, size**2)
    apart_NTT = side_NT[:, :, None] != side_NT[:, None]
    return torch.zeros(apart_NTT.shape).masked_fill(apart_NTT, -torch.inf)[:, None]


class ShiftedWindow(Window):
    """``(B, H, L, K)`` attention in N square windows of T tokens across those of ``window``."""

    spec = BlockSpec(
        key="shifted_window",
        kind="mixer",
        cost=cost,
        paper="Swin Transformer (2021)",
        causal=False,
        needs_grid=True,
        has_heads=True,
        shares_projections=True,
        options=OPTIONS,
        later_options=frozenset(BIAS),
        check=check,
    )

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(shape)
        self.shifts = _shifts(shape)
        self.mask: Tensor | None
        self.register_buffer("mask", _mask(shape) if any(self.shifts) else None, persistent=False)

    def forward(self, x_BLD: Tensor, call: MixerCall) -> Tensor:
        """Roll, order by window, project, attend, merge, order by row, roll back."""
        up, left = self.shifts
        y_BLD = AttentionMixer.forward(self, self._by_window(self._rolled(x_BLD, -up, -left)), call)
        y_BLD = self._by_row(y_BLD)
        return self._rolled(y_BLD, up, left)

    def _rolled(self, x_BLD: Tensor, down: int, right: int) -> Tensor:
        """Return the tokens of the grid moved around its edges, ``(B, L, D)``."""
        grid = (self.rows * self.size, self.columns * self.size)
        return torch.unflatten(x_BLD, 1, grid).roll((down, right), (1, 2)).flatten(1, 2)

    def mask_of(self, batch: int, heads: int) -> Tensor | None:
        """Return the bias, and minus infinity between tokens of different sides."""
        bias_1HTT = self.relative_bias(heads)
        if self.mask is None:
            return bias_1HTT
        mask = self.mask if bias_1HTT is None else self.mask + bias_1HTT
        return mask.expand(batch, *mask.shape).flatten(0, 1)


BLOCK = ShiftedWindow
