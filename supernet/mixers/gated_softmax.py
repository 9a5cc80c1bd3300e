"""Softmax attention whose heads each have a gate, so that a head can stay silent at a token.

``y_h = sigmoid(w_h x + b_h) * softmax(q_h k_h^T / sqrt(K)) v_h``, over the past alone when the task is causal.

Without the gate a head that has nothing to say must attend to something, which breeds the outliers that integer
precisions suffer from. The gates are one linear layer from the whole token to one number a head, the paper's
"all-heads linear".

Paper: Bondarenko et al. 2023, Quantizable Transformers: Removing Outliers by Helping Attention Heads Do Nothing.
"""

from __future__ import annotations

import torch
from torch import Tensor

from search_space.spec import BlockShape, BlockSpec, Cost, LinearShape
from supernet.attention import cache_shapes
from supernet.blocks import MixerCall
from supernet.costs import attention_cost, fused_attention_activations
from supernet.elastic import ElasticLinear
from supernet.mixers.softmax import Softmax
from supernet.options import ATTENTION, CACHES, KV_HEADS, POSITIONS, attention_problem, attention_settled


def cost(shape: BlockShape) -> Cost:
    """Softmax attention, and one more linear: the gates."""
    length, heads, inner, width = shape.task.seq_len, shape.num_heads, shape.attention_dim, shape.embed_dim
    return attention_cost(
        shape,
        attend_flops=4 * length**2 * inner,
        attend_activations=fused_attention_activations(shape),
        merge_activations=length * max(2 * inner + heads, inner + width),
        other_linears=(LinearShape(in_features=width, out_features=heads, tokens=length),),
        constants=length**2 if shape.task.causal else 0,
    )


class GatedSoftmax(Softmax):
    """``(B, H, L, K)`` attention over all tokens, times a gate per token and head."""

    spec = BlockSpec(
        key="gated_softmax",
        kind="mixer",
        cost=cost,
        state=cache_shapes,
        paper="Quantizable Transformers (2023)",
        has_heads=True,
        shares_projections=True,
        options=ATTENTION,
        option_choices={"positions": POSITIONS, "cache": CACHES},
        later_options=frozenset(ATTENTION),
        nested_options=frozenset(KV_HEADS),
        settled=attention_settled,
        check=attention_problem,
    )

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(shape)
        self.gate = ElasticLinear(shape.embed_dim, shape.num_heads)

    def finish(self, y_BHLK: Tensor, x_BLD: Tensor, call: MixerCall) -> Tensor:
        """Gate, merge."""
        y_BHLK = y_BHLK * self._gates(x_BLD, call)
        return super().finish(y_BHLK, x_BLD, call)

    def _gates(self, x_BLD: Tensor, call: MixerCall) -> Tensor:
        """Return ``(B, H, L, 1)`` numbers between 0 and 1."""
        return torch.sigmoid(self.gate(x_BLD, call.num_heads, call.precision)).transpose(1, 2)[..., None]


BLOCK = GatedSoftmax
