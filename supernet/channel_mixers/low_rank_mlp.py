"""A feed-forward network of thin linears: each weight is a product of two, whose rank follows the hidden width.

``y = U2 V2 gelu(U1 V1 x)`` with ``V1: D -> r``, ``U1: r -> F``, ``V2: F -> r``, ``U2: r -> D`` and
``r = D F / (reduction (D + F))``: at that rank a pair has ``1 / reduction`` of the weights of the product. Widths and
ranks are nested: a smaller network uses the first rows and columns.

Papers: Cahyawijaya 2021, Greenformers; Guo et al. 2024, PELA; Liang et al. 2023, MCUFormer (the rank is searched).
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from search_space.precision import FLOAT
from search_space.spec import BlockShape, BlockSpec, Cost, LinearShape, Scalar
from supernet.blocks import ChannelMixer
from supernet.elastic import ElasticLinear
from supernet.options import integer_option, integer_problem

OPTIONS: dict[str, Scalar] = {"reduction": 2}


def _rank(shape: BlockShape, width: int, hidden: int) -> int:
    return max(1, width * hidden // (integer_option(shape, OPTIONS, "reduction") * (width + hidden)))


def cost(shape: BlockShape) -> Cost:
    """Four thin linears over every token; the outer ones of each pair have no bias."""
    length, width, hidden = shape.task.seq_len, shape.embed_dim, shape.hidden_dim
    rank = _rank(shape, width, hidden)

    def pair(n_in: int, n_out: int) -> tuple[LinearShape, LinearShape]:
        return (
            LinearShape(in_features=n_in, out_features=rank, tokens=length, bias=False),
            LinearShape(in_features=rank, out_features=n_out, tokens=length),
        )

    return Cost(
        linears=(*pair(width, hidden), *pair(hidden, width)),
        other_params=2 * width,
        peak_activations=length * (2 * width + max(2 * hidden, rank + hidden, rank + width)),
    )


class LowRankMLP(ChannelMixer):
    """The feed-forward network of rank r."""

    spec = BlockSpec(
        key="low_rank_mlp",
        kind="channel_mixer",
        cost=cost,
        paper="Greenformers (2021)",
        has_ratio=True,
        options=OPTIONS,
        nested_options=frozenset(OPTIONS),
        settled=lambda shape: {"reduction": _rank(shape, shape.embed_dim, shape.hidden_dim)},
        check=lambda shape: integer_problem(shape, OPTIONS, "reduction"),
    )

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(shape)
        width, hidden = shape.embed_dim, shape.hidden_dim
        rank = _rank(shape, width, hidden)
        self.up_in, self.up_out = ElasticLinear(width, rank, bias=False), ElasticLinear(rank, hidden)
        self.down_in, self.down_out = ElasticLinear(hidden, rank, bias=False), ElasticLinear(rank, width)

    def forward(self, x_BLD: Tensor, *, hidden_dim: int = 0, precision: str = FLOAT) -> Tensor:
        """Expand, activate, contract."""
        width = x_BLD.shape[-1]
        rank = _rank(self.shape, width, hidden_dim)
        h_BLF = F.gelu(self.up_out(self.up_in(x_BLD, rank, precision), hidden_dim, precision))
        h_BLR = self.down_in(h_BLF, rank, precision)
        del h_BLF
        return self.down_out(h_BLR, width, precision)


BLOCK = LowRankMLP
