"""Patches of each variate of a time series, projected, with a learned position each; scales are taken out and put back.

``x_(c,p) = W patch_(c,p) + e_(c,p)`` over the window that each variate's own mean and deviation have normalised; what
the head forecasts gets them back (reversible instance normalisation). The tokens form a grid of variates x patches. One
patch a variate is iTransformer, whose tokens are whole variates; more patches are those of PatchTST, all variates in
one sequence.

Papers: Liu et al. 2024, iTransformer; Nie et al. 2023, PatchTST; Kim et al. 2022, RevIN.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from search_space.spec import BlockShape, BlockSpec, Cost, LinearShape
from supernet.blocks import Stem
from supernet.elastic import ElasticLinear, prefix

EPS = 1e-5


def check(shape: BlockShape) -> str | None:
    """Patches must tile a (steps, variates) window."""
    task = shape.task
    if len(task.input_shape) != 2 or task.grid is None or task.vocab_size:
        return f"input of shape {task.input_shape} is no window of (steps, variates)"
    steps, variates = task.input_shape
    if task.grid[0] != variates or steps % task.grid[1] or task.seq_len != variates * task.grid[1]:
        return f"{steps} steps of {variates} variates do not form a grid of {task.grid[0]}x{task.grid[1]} patches"
    return None


def cost(shape: BlockShape) -> Cost:
    """One linear over every patch, and the positions."""
    assert shape.task.grid is not None
    (steps, variates), (_, patches) = shape.task.input_shape, shape.task.grid
    length, width, values = shape.task.seq_len, shape.embed_dim, steps * variates
    return Cost(
        linears=(LinearShape(in_features=steps // patches, out_features=width, tokens=length),),
        other_params=length * width,
        peak_activations=max(3 * values + 2 * variates, 2 * values + length * width, values + 2 * length * width),
    )


class Series(Stem):
    """``(B, steps, C)`` to ``(B, C * patches, D)``."""

    spec = BlockSpec(
        key="series",
        kind="stem",
        cost=cost,
        paper="iTransformer (2024)",
        causal=False,
        needs_grid=True,
        has_norm=False,
        check=check,
    )

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(shape)
        assert shape.task.grid is not None
        self.patch = shape.task.input_shape[0] // shape.task.grid[1]
        self.project = ElasticLinear(self.patch, shape.embed_dim)
        self.position = nn.Parameter(torch.empty(shape.task.seq_len, shape.embed_dim))

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Draw positions as large as the content."""
        nn.init.trunc_normal_(self.position, generator=generator)

    def forward(self, batch: Tensor, *, embed_dim: int) -> Tensor:
        """Normalise, cut, project, add positions."""
        x_BLD = self.project(self._patches(batch), embed_dim)
        return x_BLD + prefix(self.position, self.position.shape[0], embed_dim)

    def _patches(self, batch: Tensor) -> Tensor:
        mean_B1C, deviation_B1C = _scale(batch)
        return ((batch - mean_B1C) / deviation_B1C).mT.reshape(batch.shape[0], -1, self.patch)

    def restore(self, outputs: Tensor, batch: Tensor) -> Tensor:
        """Return the forecast ``(B, horizon, C)`` on the scale of each variate's window."""
        mean_B1C, deviation_B1C = _scale(batch)
        return outputs * deviation_B1C + mean_B1C


def _scale(batch: Tensor) -> tuple[Tensor, Tensor]:
    """Return each variate's mean and deviation, ``(B, 1, C)``, both without a gradient: they are data."""
    variance_B1C, mean_B1C = torch.var_mean(batch, 1, correction=0, keepdim=True)
    return mean_B1C, (variance_B1C + EPS).sqrt()


BLOCK = Series
