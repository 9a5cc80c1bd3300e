"""Softmax attention inside non-overlapping square windows of the token grid.

``y_i = softmax_j(q_i k_j / sqrt(K) + b_(j - i)) v_j`` over the ``size * size`` tokens j of i's window, with b, of each
head, where the option ``relative_bias`` wants it: a bias that is trained rules out the fused attention kernel in
training. Without it positions come from the stem alone.

The tokens are put in window order once, before the projections, so that q, k and v need no copy.

Paper: Liu et al. 2021, Swin Transformer.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from search_space.spec import BlockShape, BlockSpec, Cost, Scalar
from supernet.attention import attention
from supernet.blocks import AttentionMixer, MixerCall
from supernet.costs import attention_cost, fused_attention_activations
from supernet.elastic import prefix
from supernet.options import integer_option, integer_problem

BIAS: dict[str, Scalar] = {"relative_bias": False}
OPTIONS: dict[str, Scalar] = {"size": 4, **BIAS}


def check(shape: BlockShape) -> str | None:
    """Windows must tile the grid."""
    problem = integer_problem(shape, OPTIONS, "size")
    if not isinstance(shape.options.get("relative_bias", False), bool):
        problem = problem or f"relative_bias {shape.options['relative_bias']!r} is neither true nor false"
    if problem or shape.task.grid is None:
        return problem
    size, (height, width) = integer_option(shape, OPTIONS, "size"), shape.task.grid
    if height % size or width % size:
        return f"windows of {size}x{size} tokens cannot tile a grid of {height}x{width}"
    return None


def cost(shape: BlockShape) -> Cost:
    """Full attention in each window."""
    pairs = shape.task.seq_len * integer_option(shape, OPTIONS, "size") ** 2
    plain = attention_cost(
        shape,
        attend_flops=4 * pairs * shape.attention_dim,
        attend_activations=fused_attention_activations(shape),
        held_activations=shape.task.seq_len * shape.embed_dim,
    )
    return replace(plain, other_params=plain.other_params + bias_params(shape))


def bias_params(shape: BlockShape) -> int:
    """Return the number of biases: one for each head and difference of places."""
    differences = (2 * integer_option(shape, OPTIONS, "size") - 1) ** 2
    return shape.num_heads * differences if shape.options.get("relative_bias", False) else 0


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
        later_options=frozenset(BIAS),
        check=check,
    )

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(shape)
        assert shape.task.grid is not None
        self.size = integer_option(shape, OPTIONS, "size")
        self.rows, self.columns = (side // self.size for side in shape.task.grid)
        self.bias: nn.Parameter | None
        differences = 2 * self.size - 1
        bias = nn.Parameter(torch.empty(shape.num_heads, differences, differences)) if bias_params(shape) else None
        self.register_parameter("bias", bias)

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Draw small biases, as the paper does."""
        if self.bias is not None:
            nn.init.trunc_normal_(self.bias, std=0.02, generator=generator)

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

        mask = self.mask_of(q_BHLK.shape[0], q_BHLK.shape[1])
        y = attention(windows(q_BHLK), windows(k_BHLK), windows(v_BHLK), mask=mask)
        return torch.unflatten(y, 0, (-1, count)).transpose(1, 2).flatten(2, 3)

    def mask_of(self, batch: int, heads: int) -> Tensor | None:
        """Return what is added to the scores of all windows, which broadcasts to ``(B N, H, T, T)``, if anything."""
        return self.relative_bias(heads)

    def relative_bias(self, heads: int) -> Tensor | None:
        """Return the bias of each query and key of a window by how far they are apart, ``(1, H, T, T)``."""
        if self.bias is None:
            return None
        size, bias = self.size, prefix(self.bias.clone(), heads)  # a clone, so that exporters keep the differences
        starts = range(size - 1, -1, -1)
        bias = torch.stack([bias[:, start : start + size] for start in starts], 1)
        bias = torch.stack([bias[..., start : start + size] for start in starts], 2)
        return bias.flatten(3).flatten(1, 2)[None]  # four axes, as the fused kernel takes them


BLOCK = Window
