"""Softmax attention to the nearest tokens alone: ``width`` on each side, or the last ``width`` when the task is causal.

``y_i = softmax_j(q_i k_j / sqrt(K)) v_j`` over ``|i - j| <= width`` (causal: ``0 <= i - j <= width``).

Tokens are cut into N blocks of W = ``width``; each attends to its own block and the neighbouring ones, S tokens in all,
under a band mask. That is linear in the number of tokens. A sequence no longer than S is one block.

Paper: Beltagy et al. 2020, Longformer; mixed with full attention by layer: Zhao et al. 2023, MASFormer.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from search_space.spec import BlockShape, BlockSpec, Cost, Scalar, StateShapes
from supernet.attention import attention, cache_shapes, cached_attention, padding_bias, remembered
from supernet.blocks import AttentionMixer, State
from supernet.costs import attention_cost, fused_attention_activations
from supernet.options import (
    ATTENTION,
    CACHES,
    KV_HEADS,
    POSITIONS,
    attention_problem,
    attention_settled,
    integer_option,
    integer_problem,
    rotary,
)

OPTIONS: dict[str, Scalar] = {"width": 8, **ATTENTION}


def _width(shape: BlockShape) -> int:
    return integer_option(shape, OPTIONS, "width")


def _blocks(shape: BlockShape) -> tuple[int, int, int]:
    """Return the number of blocks, the queries of one and the keys it sees."""
    width, length = _width(shape), shape.task.seq_len
    span = width * (2 if shape.task.causal else 3)
    return (1, length, length) if length <= span else (-(-length // width), width, span)


def cost(shape: BlockShape) -> Cost:
    """The products of each block's queries with the keys and values that it sees; both are copied block by block."""
    (count, size, span), inner = _blocks(shape), shape.attention_dim
    padded = shape.task.padded and not shape.task.causal
    pairs = count * size * span if padded else 0  # each example then has a mask of its own, and each of its heads
    alive = fused_attention_activations(shape) + pairs
    if count > 1:
        queries, keys = count * size * inner, count * span * inner
        apart = shape.num_heads > 1 and not rotary(shape)  # turning has moved each head's tokens together
        copied = queries if apart or count * size > shape.task.seq_len else 0
        joined, masks = (count * size + span - size) * inner, pairs * shape.num_heads
        attended = queries + count * size * shape.num_heads
        alive = copied + 2 * keys + max(joined, pairs + masks, masks + attended)
    return attention_cost(
        shape,
        attend_flops=4 * count * size * span * inner,
        attend_activations=alive,
        constants=count * size * span,
    )


def _mask(shape: BlockShape) -> Tensor:
    """Return ``(N, W, S)``: zero where a query sees a key, minus infinity elsewhere."""
    count, size, span = _blocks(shape)
    width, length = _width(shape), shape.task.seq_len
    query = torch.arange(count * size).view(count, size, 1)
    first = (torch.arange(count) * size - (width if count > 1 else 0)).view(count, 1, 1)
    key = first + torch.arange(span)
    distance = query - key
    near = (distance >= (0 if shape.task.causal else -width)) & (distance <= width)
    # A query that only pads the last block sees padding, for a row without any key would be NaN.
    real = ((key >= 0) & (key < length)) | (query >= length)
    return torch.zeros(count, size, span).masked_fill(~(near & real), -torch.inf)


def state(shape: BlockShape) -> StateShapes:
    """The keys and values of the last ``width + 1`` tokens."""
    return cache_shapes(shape, tokens=_past(shape))


def _past(shape: BlockShape) -> int:
    return min(_width(shape) + 1, shape.task.seq_len)


class SlidingWindow(AttentionMixer):
    """``(B, H, L, K)`` attention inside a band."""

    spec = BlockSpec(
        key="sliding_window",
        kind="mixer",
        cost=cost,
        state=state,
        paper="Longformer (2020)",
        has_heads=True,
        shares_projections=True,
        options=OPTIONS,
        option_choices={"positions": POSITIONS, "cache": CACHES},
        later_options=frozenset(ATTENTION),
        nested_options=frozenset(KV_HEADS),
        settled=lambda shape: {"width": min(_width(shape), shape.task.seq_len - 1), **attention_settled(shape)},
        check=lambda shape: integer_problem(shape, OPTIONS, "width") or attention_problem(shape),
    )

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(shape)
        self.count, self.size, self.span = _blocks(shape)
        self.past = _past(shape)
        self.mask: Tensor
        # The fused kernel takes four axes: heads join the batch and blocks become heads, so one mask serves all heads.
        self.register_buffer("mask", _mask(shape)[None], persistent=False)

    def attend(self, q_BHLK: Tensor, k_BHLK: Tensor, v_BHLK: Tensor, mask_BL: Tensor | None = None) -> Tensor:
        """Attend to the real neighbours."""
        bias = None if mask_BL is None or self.shape.task.causal else padding_bias(mask_BL, q_BHLK.dtype)
        if self.count == 1:
            return attention(q_BHLK, k_BHLK, v_BHLK, mask=self.mask if bias is None else self.mask + bias)
        heads, length = q_BHLK.shape[1:3]
        extra = self.count * self.size - length
        if extra:
            q_BHLK = F.pad(q_BHLK, (0, 0, 0, extra))
        q_MNWK = torch.unflatten(q_BHLK, 2, (self.count, self.size)).flatten(0, 1)  # M = B * H
        k_MNSK, v_MNSK = self._neighbours(k_BHLK, extra), self._neighbours(v_BHLK, extra)
        mask = self.mask
        if bias is not None:
            bias_BN1S = self._neighbours(bias.mT, extra).mT
            mask = (mask + bias_BN1S)[:, None].expand(-1, heads, -1, -1, -1).flatten(0, 1)  # (M, N, W, S)
        y_MNWK = attention(q_MNWK, k_MNSK, v_MNSK, mask=mask)
        y_BHLK: Tensor = torch.unflatten(y_MNWK, 0, (-1, heads)).flatten(2, 3)
        return y_BHLK[:, :, :length] if extra else y_BHLK

    def attend_step(
        self, q_BH1K: Tensor, k_BH1K: Tensor, v_BH1K: Tensor, state: State, *, position: Tensor
    ) -> tuple[Tensor, State]:
        """Write the token's key and value over those that leave the window, attend to the window."""
        place = position % self.past
        cache, state = remembered(state, k_BH1K, v_BH1K, place)
        return cached_attention(q_BH1K, cache, last=position), state

    def _neighbours(self, x_BHLK: Tensor, extra: int) -> Tensor:
        """Return each block beside its neighbours, ``(B * H, N, S, K)``; tokens that do not exist are zero."""
        sides, size = self.span // self.size, self.size
        padded = F.pad(x_BHLK, (0, 0, size, extra + size * (sides - 2)))
        blocks = torch.unflatten(padded, 2, (self.count + sides - 1, size))
        return torch.cat([blocks[:, :, i : i + self.count] for i in range(sides)], 3).flatten(0, 1)


BLOCK = SlidingWindow
