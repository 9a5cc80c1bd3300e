"""What a search space is declared by: the choices, the blocks and the task, and the genes that they make.

The modules beside this one take it and know nothing of what :class:`~search_space.space.SearchSpace` adds.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from search_space.blocks import Block, Geometry
from search_space.options import Scalar
from search_space.precision import FLOAT
from search_space.spec import BlockSpec, Catalogue, Cost

__all__ = ["GLOBAL_GENES", "LAYER_GENES", "Choices", "Genes", "OptionGene"]

Genes = NDArray[np.int16]
GLOBAL_GENES = ("embed_dim", "depth", "float_precision")
LAYER_GENES = ("mixer", "num_heads", "channel_mixer", "ratio", "mixer_precision", "channel_precision")


@dataclass(frozen=True, kw_only=True, slots=True)
class OptionGene:
    """An option of a mixer or channel mixer that each layer with that block chooses."""

    kind: Literal["mixer", "channel_mixer"]
    key: str
    name: str
    values: tuple[Scalar, ...]

    def index(self, value: object) -> int:
        """Return the place of a value; ``ValueError`` for another, also for one of another type (``True`` for 1)."""
        known: list[tuple[type, object]] = [(type(choice), choice) for choice in self.values]
        return known.index((type(value), value))

    @property
    def of_numbers(self) -> bool:
        """Whether its values are numbers, which have an order."""
        return all(type(value) in (int, float) for value in self.values)

    @property
    def middle(self) -> Scalar:
        """The middle one of numbers, the first of other values."""
        return sorted(self.values)[(len(self.values) - 1) // 2] if self.of_numbers else self.values[0]

    def __str__(self) -> str:
        return f"{self.kind}.{self.key}.{self.name}"


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
    def option_genes(self) -> tuple[OptionGene, ...]:
        """The options that are searched: those of mixers, then those of channel mixers, in the order of declaration."""
        options, found = self.geometry.options, []
        for spec in self.specs:
            if spec.kind == "mixer" or spec.kind == "channel_mixer":
                own = {name: options.get(spec.key, {}).get(name) for name in spec.options}
                for name, values in own.items():
                    if isinstance(values, tuple):
                        found.append(OptionGene(kind=spec.kind, key=spec.key, name=name, values=values))
        return tuple(found)

    @cached_property
    def layer_gene_names(self) -> tuple[str, ...]:
        """Names of the genes of a layer: six, then one for each option that is searched, ``mixer.softmax.kv_heads``."""
        return LAYER_GENES + tuple(map(str, self.option_genes))

    @cached_property
    def gene_names(self) -> tuple[str, ...]:
        """Name of every column of a gene matrix: ``embed_dim``, ..., ``layer0.mixer``, ..."""
        return GLOBAL_GENES + tuple(f"layer{i}.{g}" for i in range(self.max_depth) for g in self.layer_gene_names)

    @cached_property
    def gene_values(self) -> tuple[tuple[Any, ...], ...]:
        """The choices of every column."""
        layer: tuple[tuple[Any, ...], ...] = (
            *(self.mixer, self.num_heads, self.channel_mixer, self.ratio, self.precision, self.precision),
            *(gene.values for gene in self.option_genes),
        )
        return (self.embed_dim, self.depth, self.float_precision) + layer * self.max_depth

    @cached_property
    def cards(self) -> NDArray[np.int64]:
        """Number of choices of every column, ``(genes,)``."""
        return np.array([len(v) for v in self.gene_values])

    def layer_genes(self, genes: Genes) -> Genes:
        """Return the ``(n, max_depth, 6)`` view of the genes of each layer; more where options are searched."""
        return genes[:, len(GLOBAL_GENES) :].reshape(len(genes), self.max_depth, len(self.layer_gene_names))

    def active(self, genes: Genes) -> NDArray[np.bool_]:
        """Return which layers exist, ``(n, max_depth)``."""
        return np.arange(self.max_depth) < np.asarray(self.depth)[genes[:, 1]][:, None]

    def cost(self, block: Block) -> Cost:
        """Return what one block costs for one example."""
        return self.geometry.cost(block, self.catalogue)
