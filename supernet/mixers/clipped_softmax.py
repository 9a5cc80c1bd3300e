"""Softmax attention whose weights are stretched and clipped, so that a head can ignore a token, or all of them.

``y_i = sum_j a_ij v_j``, ``a_ij = clip((zeta - gamma) softmax_j(q_i k_j / sqrt(K)) + gamma, 0, 1)``, ``gamma <= 0`` and
``zeta >= 1``, over the past alone when the task is causal. A softmax below about ``-gamma`` becomes exactly zero, one
above about ``2 - zeta`` exactly one, and neither has a gradient.

A softmax reaches zero only with enormous scores, and heads that have nothing to say learn them: the outliers that
integer precisions suffer from. ``gamma = -alpha / L`` for the L tokens of the task, for which the paper finds alpha
from 2 to 4 good; with 2, no token begins by ignoring all. A number for the option ``gamma`` takes its place.

Paper: Bondarenko et al. 2023, Quantizable Transformers: Removing Outliers by Helping Attention Heads Do Nothing.
"""

from __future__ import annotations

import torch
from torch import Tensor

from search_space.spec import BlockShape, BlockSpec, Cost, Scalar
from supernet.attention import cache_shapes, padding_bias, remembered
from supernet.blocks import State
from supernet.costs import attention_cost
from supernet.mixers.softmax import Softmax
from supernet.options import ATTENTION, CACHES, KV_HEADS, POSITIONS, attention_problem, attention_settled

OPTIONS: dict[str, Scalar] = {"alpha": 2.0, "gamma": "-alpha / L", "zeta": 1.0, **ATTENTION}
_BOUNDS = {"alpha": (0.0, 16.0), "gamma": (-1.0, 0.0), "zeta": (1.0, 2.0)}


def _number(shape: BlockShape, name: str) -> float:
    return float(shape.options.get(name, OPTIONS[name]))


def _gamma(shape: BlockShape) -> float:
    if shape.options.get("gamma", OPTIONS["gamma"]) != OPTIONS["gamma"]:
        return _number(shape, "gamma")
    return max(-_number(shape, "alpha") / shape.task.seq_len, _BOUNDS["gamma"][0])


def check(shape: BlockShape) -> str | None:
    """A stretch, not a shrinking: alpha from 0 to 16, gamma from -1 to 0 or by alpha, zeta from 1 to 2."""
    for name, (low, high) in _BOUNDS.items():
        value = shape.options.get(name, OPTIONS[name])
        if name == "gamma" and value == OPTIONS["gamma"]:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            return f"{name} {value!r} is not a number from {low:g} to {high:g}"
    return attention_problem(shape)


def cost(shape: BlockShape) -> Cost:
    """All scores, several times over: nothing is fused."""
    length, inner, heads = shape.task.seq_len, shape.attention_dim, shape.num_heads
    values, scores = length * inner, heads * length**2
    copy = values if heads > 1 else 0  # products want each head's tokens together
    return attention_cost(
        shape,
        attend_flops=4 * length**2 * inner,
        attend_activations=max(values + 2 * copy + scores, 2 * scores, copy + scores + values),
        constants=length**2 if shape.task.causal else 0,
    )


class ClippedSoftmax(Softmax):
    """``(B, H, L, K)`` attention to the tokens whose weight is not clipped to zero."""

    spec = BlockSpec(
        key="clipped_softmax",
        kind="mixer",
        length_bound=True,
        cost=cost,
        state=cache_shapes,
        paper="Quantizable Transformers (2023)",
        has_heads=True,
        shares_projections=True,
        options=OPTIONS,
        option_choices={"positions": POSITIONS, "cache": CACHES},
        later_options=frozenset(ATTENTION),
        nested_options=frozenset(KV_HEADS),
        # alpha is there for gamma alone
        settled=lambda shape: {"alpha": 0.0, "gamma": _gamma(shape), **attention_settled(shape)},
        check=check,
        version=2,
    )

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(shape)
        self.gamma, self.zeta = _gamma(shape), _number(shape, "zeta")
        self.future: Tensor | None
        square = (shape.task.seq_len, shape.task.seq_len)
        future = torch.full(square, -torch.inf).triu(1) if shape.task.causal else None
        self.register_buffer("future", future, persistent=False)

    def attend(self, q_BHLK: Tensor, k_BHLK: Tensor, v_BHLK: Tensor, mask_BL: Tensor | None = None) -> Tensor:
        """Attend to every real token, or to the past."""
        scores = (q_BHLK * q_BHLK.shape[-1] ** -0.5) @ k_BHLK.mT
        if self.future is not None:
            scores = scores + self.future
        elif mask_BL is not None:
            scores = scores + padding_bias(mask_BL, scores.dtype)
        weights = _softmax(scores)
        del scores
        weights = self._clipped(weights)
        return weights.to(v_BHLK.dtype) @ v_BHLK

    def _clipped(self, weights: Tensor) -> Tensor:
        return (weights * (self.zeta - self.gamma)).add_(self.gamma).clamp_(0, 1)

    def attend_step(
        self, q_BH1K: Tensor, k_BH1K: Tensor, v_BH1K: Tensor, state: State, *, position: Tensor
    ) -> tuple[Tensor, State]:
        """Write the token's key and value at its place, attend to the places so far."""
        cache, state = remembered(state, k_BH1K, v_BH1K, position)
        scores = cache.scores(q_BH1K)
        later = torch.arange(scores.shape[3], device=scores.device) > position
        weights = self._clipped(_softmax(scores.masked_fill(later, -torch.inf))).to(v_BH1K.dtype)
        return cache.mixed(weights), state


def _softmax(scores: Tensor) -> Tensor:
    """Return the softmax over the last axis, in float32 at least, for small weights are about to be told apart."""
    return scores.softmax(-1, dtype=torch.promote_types(scores.dtype, torch.float32))


BLOCK = ClippedSoftmax
