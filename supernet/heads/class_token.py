"""A final norm of the first token and one linear layer: one output vector an example.

``y = W norm(x_0)``; the stem ``class_patch`` puts a class token there.

Paper: Dosovitskiy et al. 2021, An Image is Worth 16x16 Words.
"""

from __future__ import annotations

from torch import Tensor

from search_space.spec import BlockShape, BlockSpec, Cost, LinearShape
from supernet.blocks import Head
from supernet.elastic import ElasticLinear, elastic_norm


def cost(shape: BlockShape) -> Cost:
    """One linear over one vector."""
    length, width, outputs = shape.task.seq_len, shape.embed_dim, shape.task.num_outputs
    return Cost(
        linears=(LinearShape(in_features=width, out_features=outputs, tokens=1),),
        other_params=2 * width,
        peak_activations=length * width + width + max(2, outputs),
    )


class ClassToken(Head):
    """``(B, L, D)`` to ``(B, O)``."""

    spec = BlockSpec(
        key="class_token",
        kind="head",
        cost=cost,
        paper="An Image is Worth 16x16 Words (2021)",
        causal=False,
    )

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(shape)
        self.norm = elastic_norm(shape.embed_dim, shape.norm)
        self.project = ElasticLinear(shape.embed_dim, shape.task.num_outputs)

    def forward(self, x_BLD: Tensor, *, mask_BL: Tensor | None = None) -> Tensor:
        """Normalise and project the first token, which is always real."""
        return self.project(self.norm(x_BLD[:, 0]), self.shape.task.num_outputs)


BLOCK = ClassToken
