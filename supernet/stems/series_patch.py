"""Patches of a multivariate series, all channels together, projected, with a learned position each.

``x_l = W patch_l + p_l`` over values that are normalised channel by channel with those of training: unlike a forecast,
a class may lie in the level of a series, so no scale is taken out. Where series are of unequal lengths, they end in
steps of zeros, and a last channel is one at every step that is real; a patch is real if its first step is.

Paper: Zerveas et al. 2021, A Transformer-based Framework for Multivariate Time Series Representation Learning; patches
as of Nie et al. 2023, PatchTST.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from search_space.spec import BlockShape, BlockSpec, Cost, LinearShape
from supernet.blocks import Stem
from supernet.elastic import ElasticLinear, prefix


def check(shape: BlockShape) -> str | None:
    """Patches must tile a (steps, channels) series, one a token."""
    task = shape.task
    if len(task.input_shape) != 2 or task.vocab_size:
        return f"input of shape {task.input_shape} is no series of (steps, channels)"
    if task.input_shape[0] % task.seq_len:
        return f"{task.input_shape[0]} steps do not form {task.seq_len} patches"
    if task.padded and task.input_shape[1] < 2:
        return "a padded series has a last channel that tells which steps are real"
    return None


def cost(shape: BlockShape) -> Cost:
    """One linear over every patch, and the positions."""
    (steps, channels), length, width = shape.task.input_shape, shape.task.seq_len, shape.embed_dim
    return Cost(
        linears=(LinearShape(in_features=steps // length * channels, out_features=width, tokens=length),),
        other_params=length * width,
        peak_activations=steps * channels + 2 * length * width,
    )


class SeriesPatch(Stem):
    """``(B, steps, C)`` to ``(B, L, D)``."""

    spec = BlockSpec(
        key="series_patch",
        kind="stem",
        cost=cost,
        paper="A Transformer-based Framework for Multivariate Time Series Representation Learning (2021)",
        causal=False,
        has_norm=False,
        check=check,
    )

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(shape)
        steps, channels = shape.task.input_shape
        self.patch = steps // shape.task.seq_len
        self.project = ElasticLinear(self.patch * channels, shape.embed_dim)
        self.position = nn.Parameter(torch.empty(shape.task.seq_len, shape.embed_dim))

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Draw positions as large as the content."""
        nn.init.trunc_normal_(self.position, generator=generator)

    def forward(self, batch: Tensor, *, embed_dim: int) -> Tensor:
        """Cut, project, add positions."""
        patches = batch.reshape(batch.shape[0], self.shape.task.seq_len, -1)
        return self.project(patches, embed_dim) + prefix(self.position, self.position.shape[0], embed_dim)

    def mask(self, batch: Tensor) -> Tensor | None:
        """Return which patches begin with a real step; the first always counts, so that no example is empty."""
        if not self.shape.task.padded:
            return None
        is_real_BL = batch[:, :: self.patch, -1] != 0
        first_L = torch.arange(self.shape.task.seq_len, device=batch.device) == 0
        return is_real_BL | first_L


BLOCK = SeriesPatch
