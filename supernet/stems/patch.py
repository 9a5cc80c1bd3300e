"""Non-overlapping patches of an image, projected, with a learned position each.

``x_l = W patch_l + p_l``; the tokens run row by row over the grid.

Paper: Dosovitskiy et al. 2021, An Image is Worth 16x16 Words.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from search_space.spec import BlockShape, BlockSpec, Cost, LinearShape
from supernet.blocks import Stem
from supernet.elastic import ElasticLinear, prefix


def _patch(shape: BlockShape) -> tuple[int, int]:
    assert shape.task.grid is not None
    channels, height, _ = shape.task.input_shape
    side = height // shape.task.grid[0]
    return side, channels * side * side


def check(shape: BlockShape) -> str | None:
    """Patches must tile a (channels, height, width) image."""
    task = shape.task
    if len(task.input_shape) != 3 or task.grid is None:
        return f"input of shape {task.input_shape} is no (channels, height, width) image"
    _, height, width = task.input_shape
    if height % task.grid[0] or width % task.grid[1] or height // task.grid[0] != width // task.grid[1]:
        return f"square patches cannot tile {height}x{width} into a grid of {task.grid[0]}x{task.grid[1]}"
    return None


def cost(shape: BlockShape) -> Cost:
    """One linear over every patch, and the positions."""
    length, width, inputs = shape.task.seq_len, shape.embed_dim, _patch(shape)[1]
    return Cost(
        linears=(LinearShape(in_features=inputs, out_features=width, tokens=length),),
        other_params=length * width,
        peak_activations=length * (inputs + width + max(inputs, width)),
    )


def patches(batch: Tensor, side: int) -> Tensor:
    """Cut images ``(B, C, height, width)`` into patches ``(B, L, C * side * side)``, row by row."""
    b, c, h, w = batch.shape
    tiles = batch.reshape(b, c, h // side, side, w // side, side).permute(0, 2, 4, 1, 3, 5)
    return tiles.reshape(b, (h // side) * (w // side), c * side * side)


class Patch(Stem):
    """``(B, C, height, width)`` to ``(B, L, D)``."""

    spec = BlockSpec(
        key="patch",
        kind="stem",
        cost=cost,
        paper="An Image is Worth 16x16 Words (2021)",
        causal=False,
        needs_grid=True,
        has_norm=False,
        check=check,
    )

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(shape)
        self.side, inputs = _patch(shape)
        self.project = ElasticLinear(inputs, shape.embed_dim)
        self.position = nn.Parameter(torch.empty(shape.task.seq_len, shape.embed_dim))

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Draw positions as large as the content.

        The pooled head tells tokens apart by position alone, and from the usual 0.02 positions grow too slowly for a
        short training (digits, 200 steps, largest subnet: 65 against 25 % error).
        """
        nn.init.trunc_normal_(self.position, generator=generator)

    def forward(self, batch: Tensor, *, embed_dim: int) -> Tensor:
        """Cut, project, add positions."""
        x_BLD = self.project(patches(batch, self.side), embed_dim)
        return x_BLD + prefix(self.position, self.position.shape[0], embed_dim)


BLOCK = Patch
