"""An evolution towards a front: the non-dominated sorting and crowding of NSGA-II; limits come first, by violation.

Paper: Deb et al., "A fast and elitist multiobjective genetic algorithm: NSGA-II" (2002).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runs.objectives.pareto import front_rows
from runs.search.algorithms.design import skewed_sample
from runs.search.algorithms.evolution import evolve
from runs.search.algorithms.genotype import Chromosome, Floats
from search_space import Genes

__all__ = ["Effort", "evolve_front", "ranked", "violation"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Effort:
    """The effort of one evolution over predictions: it looks at ``population * (generations + 1)`` networks.

    Parameters
    ----------
    population, generations
        How many networks are drawn in each generation, and how many generations follow the first.
    parents, returned
        How many networks are kept in each generation, and in the end.
    optimism
        Numbers of standard deviations, one of them drawn for each evolution, by which predictions are improved.
    """

    population: int = 400
    generations: int = 30
    parents: int = 150
    returned: int = 600
    optimism: tuple[float, ...] = (0.0, 0.0, 1.0)


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
        local = front_rows(objectives[left])
        front = left[local]
        front = front[np.argsort(-_crowding(objectives[front]), kind="stable")]
        order.append(front)
        count += len(front)
        left = np.delete(left, local)
    order.append(left)
    out = np.flatnonzero(over > 0)
    order.append(out[np.argsort(over[out], kind="stable")])
    return np.concatenate(order)


def evolve_front(
    genotype: Chromosome,
    *,
    values_of: Callable[[Genes], Floats],
    start: Genes,
    num_objectives: int,
    limits: Floats,
    effort: Effort,
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

    def best(values: Floats, count: int) -> NDArray[np.intp]:
        return ranked(values, num_objectives=num_objectives, limits=limits, wanted=count)[:count]

    drawn = skewed_sample(genotype, rng, effort.population)
    genes, values = evolve(
        start,
        values_of=values_of,
        select=lambda genes, values: best(values, effort.parents),
        children_of=lambda parents: _children(genotype, parents, effort, rng),
        generations=effort.generations + 1,
        first_children=np.concatenate([drawn, _children(genotype, start, effort, rng)]),
    )
    return genes[best(values, effort.returned)]


def _children(genotype: Chromosome, parents: Genes, effort: Effort, rng: np.random.Generator) -> Genes:
    """Return a population: in half of the cases uniform crossover of two parents, then a few genes redrawn."""
    size, cards = effort.population, genotype.cards
    a, b = (parents[rng.integers(0, len(parents), size)] for _ in range(2))
    crossed = rng.random((size, 1)) < 0.5
    child = np.where(crossed & (rng.random(a.shape) < 0.5), b, a)
    rate = rng.choice([0.5, 1.0, 2.0, 4.0], (size, 1)) / len(cards)
    return genotype.canonical(np.where(rng.random(a.shape) < rate, rng.integers(0, cards, a.shape), child))


def _crowding(points: Floats) -> Floats:
    """Return the crowding distance of NSGA-II, ``(n,)``; infinite at the ends of each objective."""
    distance = np.zeros(len(points))
    for column in points.T:
        order = np.argsort(column, kind="stable")
        span = column[order[-1]] - column[order[0]]
        distance[order[[0, -1]]] = np.inf
        if span > 0:
            distance[order[1:-1]] += (column[order[2:]] - column[order[:-2]]) / span
    return distance
