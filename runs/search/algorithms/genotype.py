"""What every algorithm needs to know of integer genes, and their rows as keys: whole populations at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from search_space import Genes, SearchSpace, features
from search_space.precision import FLOAT
from search_space.space.choices import LAYER_GENES

__all__ = [
    "PRECISIONS",
    "Chromosome",
    "CostFunction",
    "Floats",
    "Genotype",
    "Keys",
    "SpaceGenotype",
    "distinct",
    "keys",
]

PRECISIONS = {gene: LAYER_GENES.index(gene) for gene in ("mixer_precision", "channel_precision")}
"""The places of the genes of precisions among those of a layer."""
Floats = NDArray[np.float64]
Keys = NDArray[np.uint64]
CostFunction = Callable[[Genes], Mapping[str, NDArray[np.float64]]]
"""From a gene matrix ``(n, genes)`` to ``(n,)`` values by name, for whole populations."""


class Chromosome(Protocol):
    """Integer genes: how many choices each has, and which rows are one network. A ``SearchSpace`` is one."""

    @property
    def cards(self) -> NDArray[np.int64]:
        """Number of choices of every gene, ``(genes,)``."""

    def canonical(self, genes: NDArray[np.integer[Any]]) -> Genes:
        """Return the legal, canonical form of in-range rows ``(n, genes)``."""


class Genotype(Chromosome, Protocol):
    """Integer genes, and the numbers that a distance between networks is measured on."""

    def features(self, genes: Genes) -> Floats:
        """Return ``(n, d)`` numbers of each row."""


class SpaceGenotype:
    """The genes of a space, and the numbers that a network's quality depends on.

    Parameters
    ----------
    precisions
        Those that are proposed, by ``mixer_precision`` and ``channel_precision``; float takes the place of others.
    """

    def __init__(self, space: SearchSpace, *, precisions: Mapping[str, Collection[str]] | None = None) -> None:
        self.space, self.cards = space, space.cards
        self._places = {
            PRECISIONS[gene]: np.array(
                [i if name in kept else space.precision.index(FLOAT) for i, name in enumerate(space.precision)]
            )
            for gene, kept in (precisions or {}).items()
        }

    def canonical(self, genes: NDArray[np.integer[Any]]) -> Genes:
        """Return the legal, canonical form of in-range rows ``(n, genes)``."""
        rows: Genes = np.array(genes, dtype=np.int16)
        layers = self.space.layer_genes(rows)
        for place, allowed in self._places.items():
            layers[..., place] = allowed[layers[..., place]]
        return self.space.canonical(rows)

    def features(self, genes: Genes) -> Floats:
        """Return ``(n, d)`` numbers of each row."""
        return features(self.space, genes)


def keys(genes: Genes) -> Keys:
    """Return a number of 64 bits for each row, ``(n,)``: equal for equal rows, and practically only for those."""
    return np.asarray(genes.astype(np.uint64) @ _multipliers(genes.shape[1]))


@lru_cache
def _multipliers(n: int) -> Keys:
    return np.random.default_rng(n).integers(0, 2**64, n, np.uint64)


def distinct(genes: Genes, *, apart_from: Keys | None = None) -> Genes:
    """Return each row once, in order of its first appearance, without those whose keys are in ``apart_from``."""
    names = keys(genes)
    _, first = np.unique(names, return_index=True)
    first.sort()
    if apart_from is not None:
        first = first[~np.isin(names[first], apart_from)]
    return genes[first]
