"""Predictor-guided multi-objective search over integer genes: the core of the ``nasweave`` sampler, free of Optuna.

A few evaluations fit one surrogate for each objective that is expensive; a vectorised evolutionary search then looks at
tens of thousands of networks through the surrogates and the exact formulas, and the batch to evaluate next is the one
that promises the largest gain of hypervolume. The scheme is that of LINAS (Cummings et al., "A hardware-aware framework
for accelerating neural architecture search across modalities", 2022), with hypervolume in place of a population's tail
(Daulton, Balandat and Bakshy, "Differentiable expected hypervolume improvement", 2020).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from runs.search.design import Chromosome, skewed_sample, spread
from runs.search.hypervolume_gain import Floats, front_of, hypervolume_gain
from search_space import Genes

__all__ = ["Genotype", "GuidedSearch", "InnerSearch", "Surrogate"]


# The first networks should cover the range of what is known (1 against 3: 0.922 against 0.946 of the reference
# hypervolume after the first twelve, 0.983 and 0.984 after forty), yet differ in their features for the surrogates.
_KNOWN_WEIGHT = 3.0


class Genotype(Chromosome, Protocol):
    """Integer genes, and the numbers that a distance between networks is measured on."""

    def features(self, genes: Genes) -> Floats:
        """Return ``(n, d)`` numbers of each row."""


class Surrogate(Protocol):
    """A model of one expensive value, with uncertainty."""

    def fit(self, genes: Genes, values: Floats) -> Any:
        """Fit to ``(n, genes)`` and ``(n,)``."""

    def predict(self, genes: Genes) -> tuple[Floats, Floats]:
        """Return mean and standard deviation, ``(n,)`` each."""


@dataclass(frozen=True, kw_only=True, slots=True)
class InnerSearch:
    """Effort of one search over the surrogates: ``population * (generations + 1)`` networks are looked at."""

    population: int = 400
    generations: int = 30
    parents: int = 150
    optimism: tuple[float, ...] = (0.0, 0.5, 1.0)


class GuidedSearch:
    """Ask for networks, tell their values.

    Every value is a column, all minimised: first the objectives, then values that only a limit needs.

    Parameters
    ----------
    genotype
        The genes.
    num_objectives
        How many of the columns are objectives.
    limits
        Upper limit of each column, ``(columns,)``; infinite where there is none.
    surrogates
        For each column a factory of its surrogate, or ``None`` where ``known`` gives it.
    known
        From genes to ``(n, columns)``; columns with a surrogate are not read. ``None`` when every column has one.
    corners
        Networks that come first.
    initial
        How many networks, corners included, are spread before the first surrogate is fitted.
    """

    def __init__(
        self,
        genotype: Genotype,
        *,
        num_objectives: int,
        limits: Floats,
        surrogates: Sequence[Callable[[], Surrogate] | None],
        known: Callable[[Genes], Floats] | None = None,
        corners: Genes | None = None,
        initial: int = 12,
        inner: InnerSearch | None = None,
    ) -> None:
        self.genotype, self.num_objectives, self.limits = genotype, num_objectives, limits
        self.surrogates, self.known, self.initial = surrogates, known, initial
        self.inner = inner or InnerSearch()
        width = len(genotype.cards)
        self.corners = np.zeros((0, width), np.int16) if corners is None else genotype.canonical(corners)
        self.genes, self.values = np.zeros((0, width), np.int16), np.zeros((0, len(limits)))
        self.seen: set[bytes] = set()

    def avoid(self, genes: Genes) -> None:
        """Never propose these rows: they run elsewhere, or they failed."""
        self.seen.update(row.tobytes() for row in self.genotype.canonical(genes))

    def tell(self, genes: Genes, values: Floats) -> None:
        """Add ``(n, genes)`` evaluated networks and their ``(n, columns)`` values."""
        genes = self.genotype.canonical(genes)
        self.genes, self.values = np.concatenate([self.genes, genes]), np.concatenate([self.values, values])
        self.avoid(genes)

    def ask(self, n: int, rng: np.random.Generator) -> Genes:
        """Return up to ``n`` new, distinct networks, best first; fewer only where no more were found."""
        if len(self.genes) < self.initial and any(self.surrogates):
            return self._spread(n, rng)
        return self._guided(n, rng)

    # ------------------------------------------------------------ first networks

    def _spread(self, n: int, rng: np.random.Generator) -> Genes:
        corners = self._unseen(self.corners)[:n]
        pool = self._unseen(skewed_sample(self.genotype, rng, 1500))
        old = np.concatenate([self.genes, corners])
        pool = pool[~np.isin(_names(pool), _names(old))]
        if self.known is not None:
            over = self._violation(self.known(pool))
            feasible = int((over <= 0).sum())
            pool = pool[np.argsort(over, kind="stable")[: max(feasible, 10 * n)]]
        points = self._coordinates(np.concatenate([old, pool]))
        picked = spread(points[len(old) :], n - len(corners), apart_from=points[: len(old)], rng=rng)
        return np.concatenate([corners, pool[picked]])

    def _coordinates(self, genes: Genes) -> Floats:
        """Standardised features, and the logarithms of the known values, which weigh more: see ``_KNOWN_WEIGHT``."""
        x = self.genotype.features(genes)
        x = (x - x.mean(axis=0)) / (x.std(axis=0) + 1e-12)
        x /= np.sqrt(max((x.std(axis=0) > 0).sum(), 1))
        if self.known is None:
            return np.asarray(x)
        free = [j for j, surrogate in enumerate(self.surrogates) if surrogate is None]
        y = np.log(np.abs(self.known(genes)[:, free]) + 1e-12)
        y = (y - y.mean(axis=0)) / (y.std(axis=0) + 1e-12)
        return np.concatenate([x, y * (_KNOWN_WEIGHT / np.sqrt(max(len(free), 1)))], axis=1)

    # ------------------------------------------------------------- guided search

    def _guided(self, n: int, rng: np.random.Generator) -> Genes:
        models = [None if make is None else make() for make in self.surrogates]
        for column, model in enumerate(models):
            if model is not None:
                model.fit(self.genes, self.values[:, column])
        genes, mean, std = self._evolve(models, rng)
        if not len(genes):
            return genes
        picked = self._pick(n, mean, std, rng)
        return genes[picked]

    def _predict(self, models: Sequence[Surrogate | None], genes: Genes) -> tuple[Floats, Floats]:
        mean = np.zeros((len(genes), len(models))) if self.known is None else np.array(self.known(genes), float)
        std = np.zeros_like(mean)
        for column, model in enumerate(models):
            if model is not None:
                mean[:, column], std[:, column] = model.predict(genes)
        return mean, std

    def _evolve(self, models: Sequence[Surrogate | None], rng: np.random.Generator) -> tuple[Genes, Floats, Floats]:
        """Return unseen networks near the predicted front, with mean and deviation of each column."""
        size, effort = self.inner.population, self.inner
        optimism = rng.choice(effort.optimism)
        best = self.genes[self._ranked(self.values, effort.parents)[: effort.parents]]
        if not len(best):
            best = self._distinct(np.concatenate([self.corners, skewed_sample(self.genotype, rng, effort.parents)]))
        parents, parent_mean, parent_std = best, *self._predict(models, best)
        pool = self._distinct(np.concatenate([skewed_sample(self.genotype, rng, size), self._offspring(best, rng)]))
        for generation in range(effort.generations + 1):
            mean, std = self._predict(models, pool)
            genes = np.concatenate([parents, pool])
            mean, std = np.concatenate([parent_mean, mean]), np.concatenate([parent_std, std])
            _, first = np.unique(_names(genes), return_index=True)
            last = generation == effort.generations
            wanted = 4 * effort.parents if last else effort.parents
            order = first[self._ranked(mean[first] - optimism * std[first], wanted)]
            if last:
                break
            order = order[: effort.parents]
            parents, parent_mean, parent_std = genes[order], mean[order], std[order]
            pool = self._distinct(self._offspring(parents, rng))
        new = np.array([genes[i].tobytes() not in self.seen for i in order], bool)
        order = order[new][: 4 * effort.parents]
        return genes[order], mean[order], std[order]

    def _offspring(self, parents: Genes, rng: np.random.Generator) -> Genes:
        """Uniform crossover of two parents in half of the cases, then a few genes redrawn."""
        size, cards = self.inner.population, self.genotype.cards
        a, b = (parents[rng.integers(0, len(parents), size)] for _ in range(2))
        crossed = rng.random((size, 1)) < 0.5
        child = np.where(crossed & (rng.random(a.shape) < 0.5), b, a)
        rate = rng.choice([0.5, 1.0, 2.0, 4.0], (size, 1)) / len(cards)
        return self.genotype.canonical(np.where(rng.random(a.shape) < rate, rng.integers(0, cards, a.shape), child))

    # ----------------------------------------------------------------- selection

    def _violation(self, values: Floats) -> Floats:
        """Sum of the relative excesses over the limits, ``(n,)``; 0 where feasible, NaN columns ignored."""
        limited = np.isfinite(self.limits)
        excess = np.maximum(values[:, limited] / self.limits[limited] - 1.0, 0.0)
        return np.asarray(np.nan_to_num(excess).sum(axis=1))

    def _ranked(self, values: Floats, wanted: int) -> NDArray[np.intp]:
        """Return all rows, best first: feasible by front, then crowding; then infeasible by violation.

        Only the first ``wanted`` feasible rows are in order, the others follow as they came.
        """
        over = self._violation(values)
        objectives = values[:, : self.num_objectives]
        left = np.flatnonzero(over <= 0)
        if self.num_objectives == 1:
            wanted, left = 0, left[np.argsort(objectives[left, 0], kind="stable")]
        ranked: list[NDArray[np.intp]] = []
        count = 0
        while len(left) and count < wanted:
            local = front_of(objectives[left])
            front = left[local]
            front = front[np.argsort(-_crowding(objectives[front]), kind="stable")]
            ranked.append(front)
            count += len(front)
            left = np.delete(left, local)
        ranked.append(left)
        out = np.flatnonzero(over > 0)
        ranked.append(out[np.argsort(over[out], kind="stable")])
        return np.concatenate(ranked)

    def _pick(self, n: int, mean: Floats, std: Floats, rng: np.random.Generator) -> NDArray[np.intp]:
        """Greedy batch: each next network adds the most hypervolume to the front and to those picked before."""
        m = self.num_objectives
        told = self.values[self._violation(self.values) <= 0][:, :m]
        everything = told if len(told) else np.concatenate([self.values[:, :m], mean[:, :m]])
        low, high = everything.min(axis=0), everything.max(axis=0)
        scale = np.where(high > low, high - low, 1.0)
        front, reference = (told - low) / scale, np.full(m, 1.1)
        picked: list[int] = []
        over = self._violation(mean)
        for _ in range(min(n, len(mean))):
            optimistic = (mean - rng.choice(self.inner.optimism) * std)[:, :m]
            gain = hypervolume_gain((optimistic - low) / scale, front=front, reference=reference)
            score = np.where(over > 0, -1.0 - over, gain)
            score[picked] = -np.inf
            index = int(np.argmax(score))
            picked.append(index)
            if over[index] <= 0:
                front = np.concatenate([front, (mean[[index], :m] - low) / scale])
        return np.array(picked, np.intp)

    def _unseen(self, genes: Genes) -> Genes:
        genes = self._distinct(genes)
        return genes[[row.tobytes() not in self.seen for row in genes]] if len(genes) else genes

    def _distinct(self, genes: Genes) -> Genes:
        _, first = np.unique(_names(genes), return_index=True)
        return genes[np.sort(first)]


def _names(genes: Genes) -> NDArray[np.void]:
    """View each row as one opaque value, ``(n,)``."""
    rows = np.ascontiguousarray(genes, np.int16)
    return rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1])))[:, 0]


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
