"""A search problem with real costs and a made-up, smooth validation error that prefers large and varied networks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from predictors.cost import CostModel
from search_space import Architecture, Genes, SearchSpace, features


class Bench:
    """``cheap`` and ``evaluate`` of a space; counts the evaluations of each network."""

    def __init__(self, space: SearchSpace) -> None:
        self.space, self.costs = space, CostModel(space)
        self.calls: Counter[str] = Counter()
        width = features(space, space.encode([space.smallest])).shape[1]
        self.weights = np.random.default_rng(5).normal(size=width)

    def cost_function(self, genes: Genes) -> dict[str, NDArray[np.float64]]:
        flops = self.costs.flops(genes).astype(float)
        size = self.costs.size_bytes(genes).astype(float)
        return {"latency_ms": 0.1 + flops * 1e-5, "size_bytes": size, "flops": flops}

    def error(self, genes: Genes) -> NDArray[np.float64]:
        capacity = np.log(self.costs.flops(genes))
        taste = np.tanh(features(self.space, genes) @ self.weights / 4)
        return np.asarray(90 * np.exp(-0.25 * (capacity - 10)) + 2 * taste + 2)

    def evaluate(self, architecture: Architecture) -> float:
        self.calls[architecture.key] += 1
        return float(self.error(self.space.encode([architecture]))[0])


class Memory:
    """A recorder in memory."""

    def __init__(self) -> None:
        self.rows: dict[str, Mapping[str, float]] = {}

    def known(self) -> dict[str, Mapping[str, float]]:
        return dict(self.rows)

    def add(
        self, key: str, *, architecture: Architecture, values: Mapping[str, float], trial_number: int | None
    ) -> None:
        assert key == architecture.key and key not in self.rows, "a network is recorded once"
        self.rows[key] = dict(values)
