"""The first networks of a search: spread over the space instead of drawn blindly.

Uniform genes give totals that all lie near the mean (the more layers, the nearer), so the pool is drawn skewed: each
row leans, by its own strength, to its own end of the ordered choices. From the pool the farthest points are taken one
by one (Gonzalez, "Clustering to minimize the maximum intercluster distance", 1985).
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from search_space import Genes

__all__ = ["Chromosome", "skewed_sample", "spread"]


class Chromosome(Protocol):
    """Integer genes: how many choices each has, and which rows are one network. A ``SearchSpace`` is one."""

    @property
    def cards(self) -> NDArray[np.int64]:
        """Number of choices of every gene, ``(genes,)``."""

    def canonical(self, genes: NDArray[np.integer[Any]]) -> Genes:
        """Return the legal, canonical form of in-range rows ``(n, genes)``."""


def skewed_sample(genotype: Chromosome, rng: np.random.Generator, n: int) -> Genes:
    """Draw ``n`` canonical rows, from uniform to all genes leaning to the same end; duplicates can occur."""
    cards = genotype.cards
    lean, strength = rng.random((n, 1)), rng.random((n, 1))
    leaning = np.floor(lean * cards).astype(np.int64)
    return genotype.canonical(
        np.where(rng.random((n, len(cards))) < strength, leaning, rng.integers(0, cards, (n, len(cards))))
    )


def spread(
    points: NDArray[np.float64], n: int, *, apart_from: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.intp]:
    """Return up to ``n`` indices of ``(k, d)`` points, each the farthest from those before it and ``apart_from``."""
    picked: list[int] = []
    distance = np.full(len(points), np.inf)
    for point in apart_from:
        distance = np.minimum(distance, ((points - point) ** 2).sum(axis=1))
    while len(picked) < min(n, len(points)):
        index = int(np.argmax(distance)) if np.isfinite(distance).all() else int(rng.integers(len(points)))
        picked.append(index)
        distance = np.minimum(distance, ((points - points[index]) ** 2).sum(axis=1))
        distance[index] = -1.0
    return np.array(picked, np.intp)
