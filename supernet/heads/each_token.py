"""One linear layer over every token, without a norm: a class of each word; for spaces of post-norm.

``y_l = W x_l``; the last layer of such a space has normalised already.

Paper: Devlin et al. 2019, BERT (its classification of tokens).
"""

from __future__ import annotations

from torch import Tensor

from search_space.spec import BlockShape, BlockSpec, Cost, LinearShape
from supernet.blocks import Head
from supernet.elastic import ElasticLinear


def cost(shape: BlockShape) -> Cost:
    """One linear over every token."""
    length, width, outputs = shape.task.seq_len, shape.embed_dim, shape.task.num_outputs
    return Cost(
        linears=(LinearShape(in_features=width, out_features=outputs, tokens=length),),
        peak_activations=length * (width + outputs),
    )


class EachToken(Head):
    """``(B, L, D)`` to ``(B, L, O)``."""

    spec = BlockSpec(key="each_token", kind="head", cost=cost, paper="BERT (2019)", has_norm=False, per_token=True)

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(shape)
        self.project = ElasticLinear(shape.embed_dim, shape.task.num_outputs)

    def forward(self, x_BLD: Tensor, *, mask_BL: Tensor | None = None) -> Tensor:
        """Project; each token for itself, so padding needs no care."""
        return self.project(x_BLD, self.shape.task.num_outputs)


BLOCK = EachToken
