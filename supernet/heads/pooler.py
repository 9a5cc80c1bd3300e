"""A hidden layer over the first token and one linear layer, without a norm: one output vector an example.

``y = W tanh(P x_0)``; for spaces of post-norm, whose last layer has normalised already.

Paper: Devlin et al. 2019, BERT.
"""

from __future__ import annotations

import torch
from torch import Tensor

from search_space.spec import BlockShape, BlockSpec, Cost, LinearShape
from supernet.blocks import Head
from supernet.elastic import ElasticLinear


def cost(shape: BlockShape) -> Cost:
    """Two linears over one vector."""
    length, width, outputs = shape.task.seq_len, shape.embed_dim, shape.task.num_outputs
    return Cost(
        linears=(
            LinearShape(in_features=width, out_features=width, tokens=1),
            LinearShape(in_features=width, out_features=outputs, tokens=1),
        ),
        peak_activations=length * width + width + max(width, outputs),
    )


class Pooler(Head):
    """``(B, L, D)`` to ``(B, O)``."""

    spec = BlockSpec(key="pooler", kind="head", cost=cost, paper="BERT (2019)", causal=False, has_norm=False)

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(shape)
        self.pool = ElasticLinear(shape.embed_dim, shape.embed_dim)
        self.project = ElasticLinear(shape.embed_dim, shape.task.num_outputs)

    def forward(self, x_BLD: Tensor, *, mask_BL: Tensor | None = None) -> Tensor:
        """Pool and project the first token, which is always real."""
        pooled_BD = torch.tanh(self.pool(x_BLD[:, 0], x_BLD.shape[-1]))
        return self.project(pooled_BD, self.shape.task.num_outputs)


BLOCK = Pooler
