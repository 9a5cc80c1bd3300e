"""Softmax attention that turns queries and keys by their places, so that scores depend on distances: RoPE.

``y = softmax(R q (R k)^T / sqrt(K)) v``, over the past alone when the task is causal. ``R`` turns, at place ``l``, the
pair of the features ``i`` and ``i + K / 2`` of a head by the angle ``l base^(-2 i / K)``; values are not turned.

Papers: Su et al. 2021, RoFormer; Touvron et al. 2023, LLaMA (in the order of pairs of Hugging Face).
"""

from __future__ import annotations

from torch import Tensor

from search_space.spec import BlockShape, BlockSpec, Cost, Scalar
from supernet.attention import attention, cache_shapes, padding_bias
from supernet.blocks import State
from supernet.costs import attention_cost, fused_attention_activations
from supernet.elastic import prefix
from supernet.mixers.softmax import Softmax
from supernet.options import KV_HEADS, kv_heads_problem, kv_heads_settled
from supernet.rotary import base_problem, rotary_speeds, turned, waves_of

OPTIONS: dict[str, Scalar] = {"base": 10000.0, **KV_HEADS}


def check(shape: BlockShape) -> str | None:
    """Features of a head form pairs, the base is a number above 1, and heads of keys divide those of queries."""
    problem = base_problem(shape.options.get("base", OPTIONS["base"]))
    problem = problem or (f"head_dim {shape.head_dim} is odd" if shape.head_dim % 2 else None)
    return problem or kv_heads_problem(shape)


def cost(shape: BlockShape) -> Cost:
    """Those of softmax, and a second q and k; the cosines and sines are stored."""
    length, values = shape.task.seq_len, shape.task.seq_len * shape.attention_dim
    return attention_cost(
        shape,
        attend_flops=4 * length**2 * shape.attention_dim,
        attend_activations=2 * values + max(values, fused_attention_activations(shape)),
        constants=length * shape.head_dim + (length**2 if shape.task.causal else 0),
    )


class RotarySoftmax(Softmax):
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
        later_options=frozenset(KV_HEADS),
        nested_options=frozenset(KV_HEADS),
        settled=kv_heads_settled,
        check=check,
    )

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(shape)
        base = float(shape.options.get("base", OPTIONS["base"]))
        self.waves_2LP: Tensor
        waves_2LP = waves_of(shape.task.seq_len, rotary_speeds(shape.head_dim, base))
        self.register_buffer("waves_2LP", waves_2LP, persistent=False)

    def attend(self, q_BHLK: Tensor, k_BHLK: Tensor, v_BHLK: Tensor, mask_BL: Tensor | None = None) -> Tensor:
        """Turn, then attend to every real token, or to the past."""
        waves_2LP = prefix(self.waves_2LP, 2, q_BHLK.shape[2])
        causal = self.shape.task.causal
        bias = None if causal or mask_BL is None else padding_bias(mask_BL, q_BHLK.dtype)
        return attention(turned(q_BHLK, waves_2LP), turned(k_BHLK, waves_2LP), v_BHLK, mask=bias, is_causal=causal)

    def attend_step(
        self, q_BH1K: Tensor, k_BH1K: Tensor, v_BH1K: Tensor, state: State, *, position: Tensor
    ) -> tuple[Tensor, State]:
        """Turn by the token's place, then attend to all places so far; the cache keeps turned keys."""
        waves_21P = self.waves_2LP.index_select(1, position.reshape(1))
        q_BH1K, k_BH1K = turned(q_BH1K, waves_21P), turned(k_BH1K, waves_21P)
        return super().attend_step(q_BH1K, k_BH1K, v_BH1K, state, position=position)


BLOCK = RotarySoftmax
