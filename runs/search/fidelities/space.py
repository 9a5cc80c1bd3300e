"""A search space as a search in fidelities sees it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from predictors.cost import CostModel
from search_space import Genes, SearchSpace, features

__all__ = ["SpaceGenotype", "step_cost"]

Floats = NDArray[np.float64]


class SpaceGenotype:
    """The genes of a space, and the numbers that a network's quality depends on."""

    def __init__(self, space: SearchSpace) -> None:
        self.space, self.cards, self.canonical = space, space.cards, space.canonical

    def features(self, genes: Genes) -> Floats:
        """Return ``(n, d)`` numbers of each row."""
        return features(self.space, genes)


def step_cost(space: SearchSpace, costs: CostModel) -> Callable[[Genes], Floats]:
    """Return what gives the time of a step of training ``(n,)``, in the time of one of the largest network.

    Small networks are bound by calls, a number for each layer, and large ones by arithmetic.
    """
    largest = float(costs.flops(space.encode([space.largest]))[0])
    depths = np.asarray(space.depth, float)

    def cost(genes: Genes) -> Floats:
        layers = depths[genes[:, 1]] / space.max_depth
        shares: Floats = 0.7 * costs.flops(genes).astype(float) / largest + 0.2 * layers + 0.1
        return shares

    return cost
