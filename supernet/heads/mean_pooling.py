"""The mean over the real tokens and one linear layer, without a norm: one output vector an example.

``y = W mean_l(x_l)``; for spaces of post-norm, whose last layer has normalised already.

Paper: Reimers and Gurevych 2019, Sentence-BERT.
"""

from __future__ import annotations

from torch import Tensor

from search_space.spec import BlockShape, BlockSpec, Cost, LinearShape
from supernet.blocks import Head
from supernet.elastic import ElasticLinear
from supernet.heads.pooled import mean_of_real


def cost(shape: BlockShape) -> Cost:
    """One linear over one vector."""
    length, width, outputs = shape.task.seq_len, shape.embed_dim, shape.task.num_outputs
    return Cost(
        linears=(LinearShape(in_features=width, out_features=outputs, tokens=1),),
        peak_activations=length * width + width + (length * width if shape.task.padded else outputs),
    )


class MeanPooling(Head):
    """``(B, L, D)`` to ``(B, O)``."""

    spec = BlockSpec(key="mean_pooling", kind="head", cost=cost, paper="Sentence-BERT (2019)", has_norm=False)

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(shape)
        self.project = ElasticLinear(shape.embed_dim, shape.task.num_outputs)

    def forward(self, x_BLD: Tensor, *, mask_BL: Tensor | None = None) -> Tensor:
        """Average the real tokens, project."""
        return self.project(mean_of_real(x_BLD, mask_BL), self.shape.task.num_outputs)


BLOCK = MeanPooling
