"""What a step of training costs in a search space."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from predictors.cost import CostModel
from search_space import Genes, SearchSpace

__all__ = ["step_cost"]

Floats = NDArray[np.float64]


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
