"""A vectorised multi-objective evolution over integer genes: whole populations at once, no trial, no evaluation.

Non-dominated sorting and crowding are those of NSGA-II (Deb et al., "A fast and elitist multiobjective genetic
algorithm: NSGA-II", 2002); limits come first, by violation. Parents are kept as long as they are good, so what is
returned is the best of all that was looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from runs.objectives.hypervolume_gain import Floats, front_of
from runs.search.algorithms.design import Chromosome, skewed_sample
from search_space import Genes

__all__ = ["InnerSearch", "Keys", "distinct", "evolve", "keys", "ranked", "violation"]

Keys = NDArray[np.uint64]


@dataclass(frozen=True, kw_only=True, slots=True)
class InnerSearch:
    """Effort of one search over predictions: ``population * (generations + 1)`` networks are looked at.

    ``returned`` networks are what it hands on; ``optimism`` holds the numbers of deviations, one of them drawn for each
    search, by which predictions are improved.
    """

    population: int = 400
    generations: int = 30
    parents: int = 150
    returned: int = 600
    optimism: tuple[float, ...] = (0.0, 0.0, 1.0)


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


def violation(values: Floats, limits: Floats) -> Floats:
    """Return the sum of the relative excesses over the limits, ``(n,)``; 0 where feasible.

    ``values`` is ``(n, columns)`` and ``limits`` ``(columns,)``, infinite where there is none. An excess is relative to
    the limit's size, and absolute where the limit is 0. Missing values (NaN) count for nothing.
    """
    limited = np.isfinite(limits)
    size = np.abs(limits[limited])
    excess = np.maximum(values[:, limited] - limits[limited], 0.0) / np.where(size > 0, size, 1.0)
    return np.asarray(np.nan_to_num(excess).sum(axis=1))


def ranked(values: Floats, *, num_objectives: int, limits: Floats, wanted: int) -> NDArray[np.intp]:
    """Return all rows of ``(n, columns)``, best first: feasible by front, then crowding; then infeasible by violation.

    Only the first ``wanted`` feasible rows are in order, the others follow as they came.
    """
    over = violation(values, limits)
    objectives = values[:, :num_objectives]
    left = np.flatnonzero(over <= 0)
    if num_objectives == 1:
        wanted, left = 0, left[np.argsort(objectives[left, 0], kind="stable")]
    order: list[NDArray[np.intp]] = []
    count = 0
    while len(left) and count < wanted:
        local = front_of(objectives[left])
        front = left[local]
        front = front[np.argsort(-_crowding(objectives[front]), kind="stable")]
        order.append(front)
        count += len(front)
        left = np.delete(left, local)
    order.append(left)
    out = np.flatnonzero(over > 0)
    order.append(out[np.argsort(over[out], kind="stable")])
    return np.concatenate(order)


def evolve(
    genotype: Chromosome,
    *,
    values_of: Callable[[Genes], Floats],
    start: Genes,
    num_objectives: int,
    limits: Floats,
    effort: InnerSearch,
    rng: np.random.Generator,
) -> Genes:
    """Return the best networks that were looked at, ``(effort.returned, genes)`` or fewer, best first.

    Parameters
    ----------
    values_of
        From ``(n, genes)`` to what they are ranked by, ``(n, columns)``.
    start
        The first parents, ``(n, genes)`` canonical rows, one or more.
    """
    parents, values = start, values_of(start)
    pool = np.concatenate([skewed_sample(genotype, rng, effort.population), _offspring(genotype, start, effort, rng)])
    for generation in range(effort.generations + 1):
        pool = distinct(pool, apart_from=keys(parents))
        parents, values = np.concatenate([parents, pool]), np.concatenate([values, values_of(pool)])
        last = generation == effort.generations
        count = effort.returned if last else effort.parents
        order = ranked(values, num_objectives=num_objectives, limits=limits, wanted=count)[:count]
        parents, values = parents[order], values[order]
        if not last:
            pool = _offspring(genotype, parents, effort, rng)
    return parents


def _offspring(genotype: Chromosome, parents: Genes, effort: InnerSearch, rng: np.random.Generator) -> Genes:
    """Uniform crossover of two parents in half of the cases, then a few genes redrawn."""
    size, cards = effort.population, genotype.cards
    a, b = (parents[rng.integers(0, len(parents), size)] for _ in range(2))
    crossed = rng.random((size, 1)) < 0.5
    child = np.where(crossed & (rng.random(a.shape) < 0.5), b, a)
    rate = rng.choice([0.5, 1.0, 2.0, 4.0], (size, 1)) / len(cards)
    return genotype.canonical(np.where(rng.random(a.shape) < rate, rng.integers(0, cards, a.shape), child))


def _crowding(points: Floats) -> Floats:
    """Crowding distance of NSGA-II, ``(n,)``; infinite at the ends of each objective."""
    distance = np.zeros(len(points))
    for column in points.T:
        order = np.argsort(column, kind="stable")
        span = column[order[-1]] - column[order[0]]
        distance[order[[0, -1]]] = np.inf
        if span > 0:
            distance[order[1:-1]] += (column[order[2:]] - column[order[:-2]]) / span
    return distance
