"""What a search space is declared by: the choices, the blocks and the task, and the genes that they make.

The modules beside this one take it and know nothing of what :class:`~search_space.space.SearchSpace` adds.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_space.blocks import Block, Geometry
from search_space.precision import FLOAT
from search_space.spec import BlockSpec, Catalogue, Cost

__all__ = ["GLOBAL_GENES", "LAYER_GENES", "Choices", "Genes"]

Genes = NDArray[np.int16]
GLOBAL_GENES = ("embed_dim", "depth", "float_precision")
LAYER_GENES = ("mixer", "num_heads", "channel_mixer", "ratio", "mixer_precision", "channel_precision")


@dataclass(frozen=True, kw_only=True)
class Choices:
    """The declaration of a space; its fields are those of :class:`~search_space.space.SearchSpace`."""

    name: str
    geometry: Geometry
    catalogue: Catalogue
    embed_dim: tuple[int, ...]
    depth: tuple[int, ...]
    mixer: tuple[str, ...]
    num_heads: tuple[int, ...]
    channel_mixer: tuple[str, ...]
    ratio: tuple[float, ...]
    precision: tuple[str, ...] = (FLOAT,)
    float_precision: tuple[str, ...] = ("fp32",)
    largest_blocks: tuple[str, str] | None = None

    @property
    def specs(self) -> tuple[BlockSpec, ...]:
        """The declarations of the stem, the mixers, the channel mixers and the head."""
        task, find = self.geometry.task, self.catalogue.spec
        mixers = (find("mixer", key) for key in self.mixer)
        channel_mixers = (find("channel_mixer", key) for key in self.channel_mixer)
        return (find("stem", task.stem), *mixers, *channel_mixers, find("head", task.head))

    @property
    def max_depth(self) -> int:
        """Largest number of layers."""
        return max(self.depth)

    @cached_property
    def gene_names(self) -> tuple[str, ...]:
        """Name of every column of a gene matrix: ``embed_dim``, ..., ``layer0.mixer``, ..."""
        return GLOBAL_GENES + tuple(f"layer{i}.{g}" for i in range(self.max_depth) for g in LAYER_GENES)

    @cached_property
    def gene_values(self) -> tuple[tuple[Any, ...], ...]:
        """The choices of every column."""
        layer = (self.mixer, self.num_heads, self.channel_mixer, self.ratio, self.precision, self.precision)
        return (self.embed_dim, self.depth, self.float_precision) + layer * self.max_depth

    @cached_property
    def cards(self) -> NDArray[np.int64]:
        """Number of choices of every column, ``(genes,)``."""
        return np.array([len(v) for v in self.gene_values])

    def layer_genes(self, genes: Genes) -> Genes:
        """Return the ``(n, max_depth, 6)`` view of the genes of each layer."""
        return genes[:, len(GLOBAL_GENES) :].reshape(len(genes), self.max_depth, len(LAYER_GENES))

    def active(self, genes: Genes) -> NDArray[np.bool_]:
        """Return which layers exist, ``(n, max_depth)``."""
        return np.arange(self.max_depth) < np.asarray(self.depth)[genes[:, 1]][:, None]

    def cost(self, block: Block) -> Cost:
        """Return what one block costs for one example."""
        return self.geometry.cost(block, self.catalogue)
