"""A final norm and one linear layer from all patches of a variate to its next steps; the same for every variate.

``y_c = W [norm(x_(c,1)), ..., norm(x_(c,P))]``, features first, so that a narrower network uses a prefix of W.

Papers: Nie et al. 2023, PatchTST (flatten head); Liu et al. 2024, iTransformer (one patch a variate).
"""

from __future__ import annotations

import torch
from torch import Tensor

from search_space.spec import BlockShape, BlockSpec, Cost, LinearShape
from supernet.blocks import Head
from supernet.elastic import ElasticLinear, elastic_norm


def check(shape: BlockShape) -> str | None:
    """Tokens must be a grid of variates x patches."""
    task = shape.task
    if task.grid is None or len(task.input_shape) != 2 or task.grid[0] != task.input_shape[1]:
        return f"tokens of an input of shape {task.input_shape} are no grid of variates x patches"
    return None


def cost(shape: BlockShape) -> Cost:
    """One linear over every variate."""
    assert shape.task.grid is not None
    (variates, patches), width, horizon = shape.task.grid, shape.embed_dim, shape.task.num_outputs
    tokens = variates * patches * width
    copied = tokens if patches > 1 else 0
    steps = [2 * tokens + 2 * variates * patches, 2 * tokens + copied, 2 * tokens + variates * horizon]
    return Cost(
        linears=(LinearShape(in_features=width * patches, out_features=horizon, tokens=variates),),
        other_params=2 * width,
        peak_activations=max(steps),
    )


class Forecast(Head):
    """``(B, C * patches, D)`` to ``(B, horizon, C)``."""

    spec = BlockSpec(
        key="forecast", kind="head", cost=cost, paper="PatchTST (2023)", causal=False, needs_grid=True, check=check
    )

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(shape)
        assert shape.task.grid is not None
        self.grid = shape.task.grid
        self.norm = elastic_norm(shape.embed_dim, shape.norm)
        self.project = ElasticLinear(shape.embed_dim * self.grid[1], shape.task.num_outputs)

    def forward(self, x_BLD: Tensor, *, mask_BL: Tensor | None = None) -> Tensor:
        """Normalise, gather each variate, project."""
        y_BCh = self.project(self._variates(self.norm(x_BLD)), self.shape.task.num_outputs)
        return y_BCh.mT

    def _variates(self, x_BLD: Tensor) -> Tensor:
        return torch.unflatten(x_BLD, 1, self.grid).mT.flatten(2)


BLOCK = Forecast
