"""A surrogate of one value of an unknown problem, on the features of its genes."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal, overload

import numpy as np
from numpy.typing import NDArray

from benchmarks.block_ridge import BlockRidge
from benchmarks.gene_structure import GeneStructure
from search_space import Genes

__all__ = ["StructureSurrogate"]

Floats = NDArray[np.float64]


class StructureSurrogate:
    """Predicts one value with a standard deviation.

    Parameters
    ----------
    structure
        The genes and their features.

    Attributes
    ----------
    model_
        The fitted linear model.
    """

    model_: BlockRidge

    def __init__(self, structure: GeneStructure) -> None:
        self.structure = structure

    def fit(self, genes: Genes, values: Floats) -> StructureSurrogate:
        """Fit to ``(n, genes)`` and ``(n,)``."""
        blocks = self.structure.blocks(genes)
        edges = np.cumsum([0, *(block.shape[1] for block in blocks)])
        slices = [slice(a, b) for a, b in pairwise(edges)]
        self.model_ = BlockRidge.fit(np.concatenate(blocks, axis=1), values, blocks=slices)
        return self

    @overload
    def predict(self, genes: Genes, *, return_std: Literal[False] = False) -> Floats: ...

    @overload
    def predict(self, genes: Genes, *, return_std: Literal[True]) -> tuple[Floats, Floats]: ...

    def predict(self, genes: Genes, *, return_std: bool = False) -> Floats | tuple[Floats, Floats]:
        """Return the mean, with ``return_std`` also the standard deviation, ``(n,)`` each."""
        design = np.concatenate(self.structure.blocks(genes), axis=1)
        return self.model_.predict(design, return_std=True) if return_std else self.model_.predict(design)
