"""Softmax attention inside non-overlapping square windows of the token grid.

``y_i = softmax_j(q_i k_j / sqrt(K)) v_j`` over the ``size * size`` tokens j of i's window. Positions come from the
stem; the paper's relative position bias is left out, for it rules out the fused attention kernel in training.

The tokens are put in window order once, before the projections, so that q, k and v need no copy.

Paper: Liu et al. 2021, Swin Transformer.
"""

from __future__ import annotations

import torch
from torch import Tensor

from search_space.spec import BlockShape, BlockSpec, Cost, Scalar
from supernet.attention import attention
from supernet.blocks import AttentionMixer, MixerCall
from supernet.costs import attention_cost, fused_attention_activations
from supernet.options import integer_option, integer_problem

OPTIONS: dict[str, Scalar] = {"size": 4}


def check(shape: BlockShape) -> str | None:
    """Windows must tile the grid."""
    problem = integer_problem(shape, OPTIONS, "size")
    if problem or shape.task.grid is None:
        return problem
    size, (height, width) = integer_option(shape, OPTIONS, "size"), shape.task.grid
    if height % size or width % size:
        return f"windows of {size}x{size} tokens cannot tile a grid of {height}x{width}"
    return None


def cost(shape: BlockShape) -> Cost:
    """Full attention in each window."""
    pairs = shape.task.seq_len * integer_option(shape, OPTIONS, "size") ** 2
    return attention_cost(
        shape,
        attend_flops=4 * pairs * shape.attention_dim,
        attend_activations=fused_attention_activations(shape),
        held_activations=shape.task.seq_len * shape.embed_dim,
    )


class Window(AttentionMixer):
    """``(B, H, L, K)`` attention in square windows."""

    spec = BlockSpec(
        key="window",
        kind="mixer",
        cost=cost,
        paper="Swin Transformer (2021)",
        causal=False,
        needs_grid=True,
        has_heads=True,
        shares_projections=True,
        options=OPTIONS,
        check=check,
    )

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(shape)
        assert shape.task.grid is not None
        self.size = integer_option(shape, OPTIONS, "size")
        self.rows, self.columns = (side // self.size for side in shape.task.grid)

    def forward(self, x_BLD: Tensor, call: MixerCall) -> Tensor:
        """Order by window, project, attend, merge, order by row."""
        return self._by_row(super().forward(self._by_window(x_BLD), call))

    def _by_window(self, x_BLD: Tensor) -> Tensor:
        """Return the tokens of the grid, one window after another."""
        sizes = (self.rows, self.size, self.columns, self.size)
        return torch.unflatten(x_BLD, 1, sizes).transpose(2, 3).flatten(1, 4)

    def _by_row(self, x_BLD: Tensor) -> Tensor:
        """Return tokens that are ordered by window in the order of the grid."""
        sizes = (self.rows, self.columns, self.size, self.size)
        return torch.unflatten(x_BLD, 1, sizes).transpose(2, 3).flatten(1, 4)

    def attend(self, q_BHLK: Tensor, k_BHLK: Tensor, v_BHLK: Tensor, mask_BL: Tensor | None = None) -> Tensor:
        """Attend inside each run of ``size * size`` tokens."""
        count, tokens = self.rows * self.columns, self.size**2

        def windows(t_BHLK: Tensor) -> Tensor:
            return torch.unflatten(t_BHLK, 2, (count, tokens)).transpose(1, 2).flatten(0, 1)

        y = attention(windows(q_BHLK), windows(k_BHLK), windows(v_BHLK))
        return torch.unflatten(y, 0, (-1, count)).transpose(1, 2).flatten(2, 3)


BLOCK = Window
