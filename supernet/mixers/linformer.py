"""Softmax attention to a few learned summaries of the sequence: linear in the number of tokens.

``y_i = softmax_r(q_i (E k)_r / sqrt(K)) (F v)_r``: the learned E and F, shared by all heads, mix the L keys and values
to ``rank`` rows. They belong to places in the sequence, so there is no causal form. Padding counts as zero.

Paper: Wang et al. 2020, Linformer: Self-Attention with Linear Complexity.
"""

from __future__ import annotations

import torch
from torch import Tensor

from search_space.spec import BlockShape, BlockSpec, Cost, LinearShape, Scalar
from supernet.attention import attention
from supernet.blocks import MixerCall, TokenMixer
from supernet.costs import attention_cost
from supernet.elastic import ElasticLinear
from supernet.options import integer_option, integer_problem

OPTIONS: dict[str, Scalar] = {"rank": 16}


def _rank(shape: BlockShape) -> int:
    return min(integer_option(shape, OPTIONS, "rank"), shape.task.seq_len)


def cost(shape: BlockShape) -> Cost:
    """Two linears over the tokens of each feature, then all pairs of queries and summaries."""
    length, inner, rank = shape.task.seq_len, shape.attention_dim, _rank(shape)
    across = LinearShape(in_features=length, out_features=rank, tokens=inner, bias=False)
    masked = length * inner if shape.task.padded else 0
    return attention_cost(
        shape,
        attend_flops=4 * length * rank * inner,
        attend_activations=2 * rank * inner + masked + length * inner,
        other_linears=(across, across),
    )


class Linformer(TokenMixer):
    """``(B, H, L, K)`` queries against R summaries."""

    spec = BlockSpec(
        key="linformer",
        kind="mixer",
        cost=cost,
        paper="Linformer (2020)",
        causal=False,
        has_heads=True,
        shares_projections=True,
        options=OPTIONS,
        nested_options=frozenset(OPTIONS),
        settled=lambda shape: {"rank": _rank(shape)},
        check=lambda shape: integer_problem(shape, OPTIONS, "rank"),
    )

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(shape)
        self.rank = _rank(shape)
        self.keys = ElasticLinear(shape.task.seq_len, self.rank, bias=False)
        self.values = ElasticLinear(shape.task.seq_len, self.rank, bias=False)

    def forward(self, x_BLD: Tensor, call: MixerCall) -> Tensor:
        """Project, summarise keys and values, attend, merge."""
        q_BHLK, k_BHLK, v_BHLK = call.qkv(x_BLD)
        k_BHRK = self._summaries(self.keys, k_BHLK, call)
        v_BHRK = self._summaries(self.values, v_BHLK, call)
        del k_BHLK, v_BHLK
        y_BHLK = attention(q_BHLK, k_BHRK, v_BHRK)
        del q_BHLK, k_BHRK, v_BHRK
        return call.merge(y_BHLK, x_BLD.shape[-1])

    def _summaries(self, across: ElasticLinear, t_BHLK: Tensor, call: MixerCall) -> Tensor:
        """Return ``(B, H, R, K)`` mixtures of the tokens."""
        heads = t_BHLK.shape[1]
        t_BLE = t_BHLK.transpose(1, 2).flatten(2)
        if call.mask_BL is not None:
            t_BLE = t_BLE * call.mask_BL[..., None].to(t_BLE.dtype)
        t_BER = across(t_BLE.mT, self.rank, call.precision)
        return torch.unflatten(t_BER, 1, (heads, -1)).mT.contiguous()


BLOCK = Linformer
