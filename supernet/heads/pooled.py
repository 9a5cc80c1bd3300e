"""A final norm, the mean over the real tokens and one linear layer: one output vector an example.

``y = W mean_l(norm(x_l))``

Paper: Zhai et al. 2022, Scaling Vision Transformers (mean pooling in place of a class token).
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
        peak_activations=2 * length * width + (length * width if shape.task.padded else max(2 * length, width)),
    )


class Pooled(Head):
    """``(B, L, D)`` to ``(B, O)``."""

    spec = BlockSpec(key="pooled", kind="head", cost=cost, paper="Scaling Vision Transformers (2022)")

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(shape)
        self.norm = elastic_norm(shape.embed_dim, shape.norm)
        self.project = ElasticLinear(shape.embed_dim, shape.task.num_outputs)

    def forward(self, x_BLD: Tensor, *, mask_BL: Tensor | None = None) -> Tensor:
        """Normalise, average the real tokens, project."""
        mean_BD = mean_of_real(self.norm(x_BLD), mask_BL)
        return self.project(mean_BD, self.shape.task.num_outputs)


def mean_of_real(x_BLD: Tensor, mask_BL: Tensor | None) -> Tensor:
    """Return the mean ``(B, D)`` over the tokens ``(B, L, D)`` that are no padding."""
    if mask_BL is None:
        return x_BLD.mean(1)
    real_BL1 = mask_BL.to(x_BLD.dtype)[..., None]
    return (x_BLD * real_BL1).sum(1) / real_BL1.sum(1)


BLOCK = Pooled
