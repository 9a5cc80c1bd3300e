"""Softmax attention to the few keys that suit a query best.

``y_i = softmax_j(s_ij) v_j`` over the j whose scores ``s_ij = q_i k_j / sqrt(K)`` are among the ``keys`` largest of i;
only the past competes when the task is causal. Keys as good as the last one stay in. The choice has no gradient, the
scores that are kept have.

Papers: Zhao et al. 2019 (Explicit Sparse Transformer); AxFormer (hard attention); Gui et al. 2023, SPT (sparse MHA).
"""

from __future__ import annotations

import torch
from torch import Tensor

from search_space.spec import BlockShape, BlockSpec, Cost, Scalar
from supernet.attention import cache_shapes, padding_bias, remembered
from supernet.blocks import State
from supernet.costs import attention_cost
from supernet.mixers.softmax import Softmax
from supernet.options import (
    ATTENTION,
    CACHES,
    KV_HEADS,
    POSITIONS,
    attention_problem,
    attention_settled,
    integer_option,
    integer_problem,
)

OPTIONS: dict[str, Scalar] = {"keys": 8, **ATTENTION}


def cost(shape: BlockShape) -> Cost:
    """All scores, the largest of each query and a mask."""
    length, inner, heads = shape.task.seq_len, shape.attention_dim, shape.num_heads
    kept = integer_option(shape, OPTIONS, "keys")
    values, scores = length * inner, heads * length**2
    copy = values if heads > 1 else 0  # products want each head's tokens together
    steps = [values + 2 * copy + scores, 2 * scores, copy + scores + values]
    if shape.task.causal or shape.task.padded:
        steps.append(2 * scores)
    if kept < length:
        chosen = heads * length * kept
        steps += [scores + 2 * chosen, 3 * scores + chosen]
    return attention_cost(
        shape,
        attend_flops=4 * length**2 * inner,
        attend_activations=max(steps),
        constants=length**2 if shape.task.causal else 0,
    )


class TopK(Softmax):
    """``(B, H, L, K)`` attention to the best keys of each query."""

    spec = BlockSpec(
        key="topk",
        kind="mixer",
        cost=cost,
        state=cache_shapes,
        paper="Explicit Sparse Transformer (2019)",
        has_heads=True,
        shares_projections=True,
        options=OPTIONS,
        option_choices={"positions": POSITIONS, "cache": CACHES},
        later_options=frozenset(ATTENTION),
        nested_options=frozenset(KV_HEADS),
        settled=lambda shape: {
            "keys": min(integer_option(shape, OPTIONS, "keys"), shape.task.seq_len),
            **attention_settled(shape),
        },
        check=lambda shape: integer_problem(shape, OPTIONS, "keys") or attention_problem(shape),
    )

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(shape)
        self.kept = integer_option(shape, OPTIONS, "keys")
        self.future: Tensor | None
        square = (shape.task.seq_len, shape.task.seq_len)
        future = torch.full(square, -torch.inf).triu(1) if shape.task.causal else None
        self.register_buffer("future", future, persistent=False)

    def attend(self, q_BHLK: Tensor, k_BHLK: Tensor, v_BHLK: Tensor, mask_BL: Tensor | None = None) -> Tensor:
        """Attend to the best real keys, or to the best of the past."""
        scores = (q_BHLK * q_BHLK.shape[-1] ** -0.5) @ k_BHLK.mT
        if self.future is not None:
            scores = scores + self.future
        elif mask_BL is not None:
            scores = scores + padding_bias(mask_BL, scores.dtype)
        scores = self._best(scores)  # the old ones are given back before the product
        return scores @ v_BHLK

    def _best(self, scores: Tensor) -> Tensor:
        """Return the softmax of ``(..., S)`` over the largest scores."""
        if self.kept < scores.shape[-1]:
            least = scores.detach().topk(self.kept).values[..., -1:]
            scores = scores.masked_fill(scores < least, -torch.inf)
        return scores.softmax(-1)

    def attend_step(
        self, q_BH1K: Tensor, k_BH1K: Tensor, v_BH1K: Tensor, state: State, *, position: Tensor
    ) -> tuple[Tensor, State]:
        """Write the token's key and value at its place, attend to the best places so far."""
        cache, state = remembered(state, k_BH1K, v_BH1K, position)
        scores = cache.scores(q_BH1K)
        later = torch.arange(scores.shape[3], device=scores.device) > position
        return cache.mixed(self._best(scores.masked_fill(later, -torch.inf))), state


BLOCK = TopK
