"""Scaled dot product attention, heads elastic: the baseline.

``y = softmax(q k^T / sqrt(K)) v``, over the past alone when the task is causal. Keys and values have ``kv_heads``
heads, each of which serves as many heads of queries.

Papers: Vaswani et al. 2017, Attention Is All You Need; Ainslie et al. 2023, GQA (grouped queries).
"""

from __future__ import annotations

from torch import Tensor

from search_space.spec import BlockShape, BlockSpec, Cost
from supernet.attention import attention, cache_shapes, cached_attention, padding_bias, remembered
from supernet.blocks import AttentionMixer, State
from supernet.costs import attention_cost, fused_attention_activations
from supernet.options import ATTENTION, CACHES, KV_HEADS, POSITIONS, attention_problem, attention_settled


def cost(shape: BlockShape) -> Cost:
    """q k^T and its product with v over all pairs of tokens."""
    length = shape.task.seq_len
    return attention_cost(
        shape,
        attend_flops=4 * length**2 * shape.attention_dim,
        attend_activations=fused_attention_activations(shape),
        constants=length**2 if shape.task.causal else 0,
    )


class Softmax(AttentionMixer):
    """``(B, H, L, K)`` attention over all tokens."""

    spec = BlockSpec(
        key="softmax",
        kind="mixer",
        cost=cost,
        state=cache_shapes,
        paper="Attention Is All You Need (2017)",
        has_heads=True,
        shares_projections=True,
        options=ATTENTION,
        option_choices={"positions": POSITIONS, "cache": CACHES},
        later_options=frozenset(ATTENTION),
        nested_options=frozenset(KV_HEADS),
        settled=attention_settled,
        check=attention_problem,
    )

    def attend(self, q_BHLK: Tensor, k_BHLK: Tensor, v_BHLK: Tensor, mask_BL: Tensor | None = None) -> Tensor:
        """Attend to every real token, or to the past."""
        causal = self.shape.task.causal
        bias = None if causal or mask_BL is None else padding_bias(mask_BL, q_BHLK.dtype)
        return attention(q_BHLK, k_BHLK, v_BHLK, mask=bias, is_causal=causal)

    def attend_step(
        self, q_BH1K: Tensor, k_BH1K: Tensor, v_BH1K: Tensor, state: State, *, position: Tensor
    ) -> tuple[Tensor, State]:
        """Write the token's key and value at its place, attend to all places so far."""
        cache, state = remembered(state, k_BH1K, v_BH1K, position)
        return cached_attention(q_BH1K, cache, last=position), state


BLOCK = Softmax
