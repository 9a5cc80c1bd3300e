"""A hidden layer over the first token and one linear layer, without a norm: one output vector an example.

``y = W a(P x_0)``, where ``a`` is the option ``activation``: ``tanh``, or ``relu`` as in DistilBERT; for spaces of
post-norm, whose last layer has normalised already.

Papers: Devlin et al. 2019, BERT; Sanh et al. 2019, DistilBERT.
"""

from __future__ import annotations

import torch
from torch import Tensor

from search_space.spec import BlockShape, BlockSpec, Cost, LinearShape, Scalar
from supernet.blocks import Head
from supernet.elastic import ElasticLinear

OPTIONS: dict[str, Scalar] = {"activation": "tanh"}
_ACTIVATIONS = {"tanh": torch.tanh, "relu": torch.relu}


def check(shape: BlockShape) -> str | None:
    """The activation is a known one."""
    name = shape.options.get("activation", "tanh")
    return None if name in _ACTIVATIONS else f"activation {name!r} is none of {', '.join(_ACTIVATIONS)}"


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

    spec = BlockSpec(
        key="pooler",
        kind="head",
        cost=cost,
        paper="BERT (2019)",
        causal=False,
        has_norm=False,
        options=OPTIONS,
        later_options=frozenset(OPTIONS),
        check=check,
    )

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(shape)
        self.activation = _ACTIVATIONS[str(shape.options.get("activation", "tanh"))]
        self.pool = ElasticLinear(shape.embed_dim, shape.embed_dim)
        self.project = ElasticLinear(shape.embed_dim, shape.task.num_outputs)

    def forward(self, x_BLD: Tensor, *, mask_BL: Tensor | None = None) -> Tensor:
        """Pool and project the first token, which is always real."""
        pooled_BD = self.activation(self.pool(x_BLD[:, 0], x_BLD.shape[-1]))
        return self.project(pooled_BD, self.shape.task.num_outputs)


BLOCK = Pooler
