"""A final norm and one linear layer over every token: the logits of what comes next, or of its class, at each place.

``y_l = W norm(x_l)``; the embedding is not tied, for a subnet uses a prefix of the width of either.

Paper: Radford et al. 2019, Language Models are Unsupervised Multitask Learners.
"""

from __future__ import annotations

from torch import Tensor

from search_space.spec import BlockShape, BlockSpec, Cost, LinearShape
from supernet.blocks import Head
from supernet.elastic import ElasticLinear, elastic_norm


def cost(shape: BlockShape) -> Cost:
    """One linear over every token."""
    length, width, outputs = shape.task.seq_len, shape.embed_dim, shape.task.num_outputs
    return Cost(
        linears=(LinearShape(in_features=width, out_features=outputs, tokens=length),),
        other_params=2 * width,
        peak_activations=2 * length * width + length * max(2, outputs),
    )


class LanguageModel(Head):
    """``(B, L, D)`` to ``(B, L, O)``."""

    spec = BlockSpec(
        key="language_model",
        kind="head",
        cost=cost,
        paper="Language Models are Unsupervised Multitask Learners (2019)",
        per_token=True,
    )

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(shape)
        self.norm = elastic_norm(shape.embed_dim, shape.norm)
        self.project = ElasticLinear(shape.embed_dim, shape.task.num_outputs)

    def forward(self, x_BLD: Tensor, *, mask_BL: Tensor | None = None) -> Tensor:
        """Normalise, project; each token for itself, so padding needs no care."""
        return self.project(self.norm(x_BLD), self.shape.task.num_outputs)


BLOCK = LanguageModel
