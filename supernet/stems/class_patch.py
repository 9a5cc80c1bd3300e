"""A learned class token, then the patches of an image, projected; a learned position each.

``x_0 = c + p_0``, ``x_l = W patch_l + p_l``: what the class token gathers is what the head ``class_token`` reads. A
space has it by ``stem: class_patch`` on a task of images; there is one token more, and they form no grid.

Paper: Dosovitskiy et al. 2021, An Image is Worth 16x16 Words.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from search_space.spec import BlockShape, BlockSpec, Cost, LinearShape
from supernet.blocks import Stem
from supernet.elastic import ElasticLinear, prefix
from supernet.stems.patch import patches


def _side(shape: BlockShape) -> int:
    """Return the side of a square patch in pixels."""
    _, height, width = shape.task.input_shape
    return math.isqrt(height * width // max(1, shape.task.seq_len - 1))


def check(shape: BlockShape) -> str | None:
    """Square patches must tile a (channels, height, width) image, one a token but for the first."""
    task = shape.task
    if len(task.input_shape) != 3:
        return f"input of shape {task.input_shape} is no (channels, height, width) image"
    (_, height, width), side, count = task.input_shape, _side(shape), task.seq_len - 1
    if not side or height % side or width % side or (height // side) * (width // side) != count:
        return f"{count} square patches cannot tile an image of {height}x{width}"
    return None


def cost(shape: BlockShape) -> Cost:
    """One linear over every patch, the class token and the positions."""
    length, width = shape.task.seq_len, shape.embed_dim
    count, inputs = length - 1, shape.task.input_shape[0] * _side(shape) ** 2
    return Cost(
        linears=(LinearShape(in_features=inputs, out_features=width, tokens=count),),
        other_params=(1 + length) * width,
        peak_activations=count * inputs + max(count * (inputs + width), 2 * length * width),
    )


class ClassPatch(Stem):
    """``(B, C, height, width)`` to ``(B, 1 + patches, D)``."""

    spec = BlockSpec(
        key="class_patch",
        kind="stem",
        cost=cost,
        paper="An Image is Worth 16x16 Words (2021)",
        causal=False,
        has_norm=False,
        extra_tokens=1,
        check=check,
    )

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(shape)
        self.side = _side(shape)
        self.project = ElasticLinear(shape.task.input_shape[0] * self.side**2, shape.embed_dim)
        self.class_token = nn.Parameter(torch.empty(shape.embed_dim))
        self.position = nn.Parameter(torch.empty(shape.task.seq_len, shape.embed_dim))

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Draw class token and positions as large as the content, as the other stems do."""
        nn.init.trunc_normal_(self.class_token, generator=generator)
        nn.init.trunc_normal_(self.position, generator=generator)

    def forward(self, batch: Tensor, *, embed_dim: int) -> Tensor:
        """Cut, project, put the class token before, add positions."""
        first_B1D = prefix(self.class_token, embed_dim).expand(batch.shape[0], 1, -1)
        x_BLD = torch.cat([first_B1D, self.project(patches(batch, self.side), embed_dim)], 1)
        return x_BLD + prefix(self.position, self.position.shape[0], embed_dim)


BLOCK = ClassPatch
