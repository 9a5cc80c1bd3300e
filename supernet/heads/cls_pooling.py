"""One linear layer over the first token, without a norm: one output vector an example.

``y = W x_0``; for spaces of post-norm, whose last layer has normalised already.

Paper: Reimers and Gurevych 2019, Sentence-BERT.
"""

from __future__ import annotations

from torch import Tensor

from search_space.spec import BlockShape, BlockSpec, Cost, LinearShape
from supernet.blocks import Head
from supernet.elastic import ElasticLinear


def cost(shape: BlockShape) -> Cost:
    """One linear over one vector."""
    width, outputs = shape.embed_dim, shape.task.num_outputs
    return Cost(
        linears=(LinearShape(in_features=width, out_features=outputs, tokens=1),),
        peak_activations=shape.task.seq_len * width + outputs,
    )


class ClsPooling(Head):
    """``(B, L, D)`` to ``(B, O)``."""

    spec = BlockSpec(
        key="cls_pooling", kind="head", cost=cost, paper="Sentence-BERT (2019)", causal=False, has_norm=False
    )

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(shape)
        self.project = ElasticLinear(shape.embed_dim, shape.task.num_outputs)

    def forward(self, x_BLD: Tensor, *, mask_BL: Tensor | None = None) -> Tensor:
        """Project the first token, which is always real."""
        return self.project(x_BLD[:, 0], self.shape.task.num_outputs)


BLOCK = ClsPooling
