"""The first networks of a search: spread over the space instead of drawn blindly.

Uniform genes give totals that all lie near the mean (the more layers, the nearer), so the pool is drawn skewed: each
row leans, by its own strength, to its own end of the ordered choices. From the pool the farthest points are taken one
by one (:mod:`search_space.farthest`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from runs.search.algorithms.genotype import Chromosome
from search_space import Genes
from search_space.farthest import farthest_first

__all__ = ["skewed_sample", "spread"]


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
    needs_first = min(n, len(points)) > 0 and not len(apart_from)
    first = int(rng.integers(len(points))) if needs_first else 0
    return farthest_first(points, n, first=first, apart_from=apart_from)
