"""Softmax attention to the regions of the picture that suit a token's own region best, plus a local convolution.

``y_i = softmax_j(q_i k_j / sqrt(K)) v_j + (C * v)_i`` over the tokens j of the ``regions`` regions of largest affinity
to i's region. The affinity of two regions is the product of the mean query of the one and the mean key of the other,
over all heads together; the choice has no gradient. C is one ``kernel x kernel`` filter a feature (the paper's local
context enhancement). Regions are squares of ``size x size`` tokens.

The tokens are put in region order before the projections and leave it after attention, so q, k and v need no copy but
for the gathered keys and values.

Paper: Zhu et al. 2023, BiFormer: Vision Transformer with Bi-Level Routing Attention.
"""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from search_space.spec import BlockShape, BlockSpec, Cost, Scalar
from supernet.attention import attention
from supernet.blocks import AttentionMixer, MixerCall
from supernet.costs import attention_cost, fused_attention_activations
from supernet.elastic import prefix
from supernet.options import integer_option, integer_problem

OPTIONS: dict[str, Scalar] = {"size": 2, "regions": 4, "kernel": 5}


def check(shape: BlockShape) -> str | None:
    """Regions must tile the grid."""
    problem = (
        integer_problem(shape, OPTIONS, "size")
        or integer_problem(shape, OPTIONS, "regions")
        or integer_problem(shape, OPTIONS, "kernel", odd=True)
    )
    if problem or shape.task.grid is None:
        return problem
    size, (height, width) = integer_option(shape, OPTIONS, "size"), shape.task.grid
    if height % size or width % size:
        return f"regions of size {size}x{size} cannot tile a grid of {height}x{width} tokens"
    return None


def _regions(shape: BlockShape) -> tuple[int, int, int]:
    """Return the number of regions, the tokens of one, and how many each attends to."""
    tokens = integer_option(shape, OPTIONS, "size") ** 2
    count = shape.task.seq_len // tokens
    return count, tokens, min(integer_option(shape, OPTIONS, "regions"), count)


def cost(shape: BlockShape) -> Cost:
    """The affinities, full attention to the chosen regions, whose keys and values are copied, and the convolution."""
    (count, tokens, chosen), kernel = _regions(shape), integer_option(shape, OPTIONS, "kernel")
    length, inner = shape.task.seq_len, shape.attention_dim
    gathered = 2 * count * chosen * tokens * inner
    plain = attention_cost(
        shape,
        attend_flops=2 * count**2 * inner + 4 * length * chosen * tokens * inner + 2 * length * inner * kernel**2,
        attend_activations=count * chosen + gathered + fused_attention_activations(shape),
        held_activations=length * shape.embed_dim,
    )
    return replace(plain, other_params=plain.other_params + inner * kernel**2)


class BilevelRouting(AttentionMixer):
    """``(B, H, L, K)`` attention over N regions of T tokens, R of which each region chooses."""

    spec = BlockSpec(
        key="bilevel_routing",
        kind="mixer",
        cost=cost,
        paper="BiFormer (2023)",
        causal=False,
        needs_grid=True,
        has_heads=True,
        shares_projections=True,
        options=OPTIONS,
        settled=lambda shape: {"regions": _regions(shape)[2]},
        check=check,
    )

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(shape)
        assert shape.task.grid is not None
        self.size = integer_option(shape, OPTIONS, "size")
        self.rows, self.columns = (side // self.size for side in shape.task.grid)
        self.count, self.tokens, self.chosen = _regions(shape)
        kernel = integer_option(shape, OPTIONS, "kernel")
        self.filters = nn.Parameter(torch.empty(shape.attention_dim, 1, kernel, kernel))

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Draw filters of variance one over their taps."""
        nn.init.trunc_normal_(self.filters, std=self.filters[0].numel() ** -0.5, generator=generator)

    def forward(self, x_BLD: Tensor, call: MixerCall) -> Tensor:
        """Order by region, project, attend, order by row, merge."""
        x_BLD = torch.unflatten(x_BLD, 1, (self.rows, self.size, self.columns, self.size)).transpose(2, 3).flatten(1, 4)
        return super().forward(x_BLD, call)

    def attend(self, q_BHLK: Tensor, k_BHLK: Tensor, v_BHLK: Tensor, mask_BL: Tensor | None = None) -> Tensor:
        """Map tokens in region order to mixed tokens in row order."""
        heads, sizes = q_BHLK.shape[1], (self.count, self.tokens)
        q_BNTE, k_BNTE, v_BNTE = (
            torch.unflatten(t.transpose(1, 2).flatten(2), 1, sizes) for t in (q_BHLK, k_BHLK, v_BHLK)
        )
        rows = self._routes(q_BNTE, k_BNTE)
        query = torch.unflatten(q_BNTE, 3, (heads, -1)).flatten(0, 1).transpose(1, 2)
        y = attention(query, self._gathered(k_BNTE, rows, heads), self._gathered(v_BNTE, rows, heads))
        y_BLE = self._by_row(torch.unflatten(y.transpose(1, 2).flatten(2), 0, (-1, self.count)))
        y_BLE = y_BLE + self._local(self._by_row(v_BNTE))
        return torch.unflatten(y_BLE, 2, (heads, -1)).transpose(1, 2)

    def _routes(self, q_BNTE: Tensor, k_BNTE: Tensor) -> Tensor:
        """Return ``(B * N * R,)``: the regions that each region attends to, counted over all examples."""
        affinity_BNN = q_BNTE.detach().mean(2) @ k_BNTE.detach().mean(2).mT
        best_BNR = affinity_BNN.topk(self.chosen).indices
        first_B11 = torch.arange(0, q_BNTE.shape[0], device=q_BNTE.device)[:, None, None] * self.count
        return (best_BNR + first_B11).flatten()

    def _gathered(self, t_BNTE: Tensor, rows: Tensor, heads: int) -> Tensor:
        """Return the tokens of the chosen regions, ``(B * N, H, R * T, K)``."""
        chosen = t_BNTE.flatten(2).flatten(0, 1).index_select(0, rows)
        return chosen.view(-1, self.chosen * self.tokens, heads, t_BNTE.shape[3] // heads).transpose(1, 2)

    def _by_row(self, t_BNTE: Tensor) -> Tensor:
        """Return ``(B, L, E)`` in the order of the rows."""
        grid = torch.unflatten(torch.unflatten(t_BNTE, 2, (self.size, self.size)), 1, (self.rows, self.columns))
        return grid.transpose(2, 3).flatten(1, 4)

    def _local(self, v_BLE: Tensor) -> Tensor:
        """Return each feature convolved over the grid, a channels-last view of the tokens."""
        features, kernel = v_BLE.shape[2], self.filters.shape[-1]
        v_BEhw = torch.unflatten(v_BLE, 1, (self.rows * self.size, self.columns * self.size)).permute(0, 3, 1, 2)
        y_BEhw = F.conv2d(v_BEhw, prefix(self.filters, features), padding=kernel // 2, groups=features)
        return y_BEhw.permute(0, 2, 3, 1).flatten(1, 2)


BLOCK = BilevelRouting
