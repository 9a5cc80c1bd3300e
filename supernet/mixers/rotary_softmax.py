"""Softmax attention that turns queries and keys by their places, so that scores depend on distances: RoPE.

``y = softmax(R q (R k)^T / sqrt(K)) v``, over the past alone when the task is causal. ``R`` turns, at place ``l``, the
pair of the features ``i`` and ``i + K / 2`` of a head by the angle ``l base^(-2 i / K)``; values are not turned.

Papers: Su et al. 2021, RoFormer; Touvron et al. 2023, LLaMA (in the order of pairs of Hugging Face).
"""

from __future__ import annotations

from dataclasses import replace

from search_space.spec import BlockShape, BlockSpec, Cost, Scalar
from supernet.attention import cache_shapes
from supernet.mixers import softmax
from supernet.options import CACHE, CACHES, KV_HEADS, attention_problem, attention_settled
from supernet.rotary import BASE, base_problem

OPTIONS: dict[str, Scalar] = {"base": BASE, **KV_HEADS, **CACHE}


def check(shape: BlockShape) -> str | None:
    """Features of a head form pairs, the base is a number above 1, and heads of keys divide those of queries."""
    return base_problem(shape.options.get("base", BASE)) or attention_problem(_turned(shape))


def cost(shape: BlockShape) -> Cost:
    """Those of softmax whose q and k are turned."""
    return softmax.cost(_turned(shape))


def _turned(shape: BlockShape) -> BlockShape:
    """Return the sizes of ``softmax`` that is the same."""
    return replace(shape, options={**shape.options, "positions": "rotary"})


class RotarySoftmax(softmax.Softmax):
    """``(B, H, L, K)`` attention over all tokens by content and distance."""

    spec = BlockSpec(
        key="rotary_softmax",
        kind="mixer",
        cost=cost,
        state=cache_shapes,
        paper="RoFormer (2021)",
        has_heads=True,
        shares_projections=True,
        options=OPTIONS,
        option_choices={"cache": CACHES},
        later_options=frozenset({*KV_HEADS, *CACHE}),
        nested_options=frozenset(KV_HEADS),
        settled=attention_settled,
        check=check,
        version=2,
    )

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(_turned(shape))


BLOCK = RotarySoftmax
