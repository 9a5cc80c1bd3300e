"""Predictor-guided multi-objective search over integer genes: the core of the ``nasweave`` sampler, free of Optuna.

A few evaluations fit one surrogate for each objective that is expensive; a vectorised evolutionary search then looks at
tens of thousands of networks through the surrogates and the exact formulas, and the batch to evaluate next is the one
that promises the largest expected gain of hypervolume, times the chance that the limits hold. The scheme is that of
LINAS (Cummings et al., "A hardware-aware framework for accelerating neural architecture search across modalities",
2022), with expected hypervolume improvement in place of a population's tail (Daulton, Balandat and Bakshy,
"Differentiable expected hypervolume improvement", 2020; Gardner et al., "Bayesian optimization with inequality
constraints", 2014).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

from runs.objectives.hypervolume_gain import expected_gain, free_boxes
from runs.objectives.pareto import front_rows
from runs.search.algorithms.ask_tell import ArrayProblem, AskTell
from runs.search.algorithms.design import skewed_sample, spread
from runs.search.algorithms.genotype import Floats, distinct, keys
from runs.search.algorithms.nsga2 import Effort, evolve_front, ranked, violation
from search_space import Genes

__all__ = ["GuidedSearch"]

# The first networks should cover the range of what is known (1 against 3: 0.922 against 0.946 of the reference
# hypervolume after the first twelve, 0.983 and 0.984 after forty), yet differ in their features for the surrogates.
_KNOWN_WEIGHT = 3.0
# So many networks are drawn, of which the first are the most spread. Where the quality alone is the objective, the best
# network nearly uses up its limits: then more are drawn, and the half that does so least is left out.
_POOL = 1500
_POOL_OF_LIMITED = 20_000
# The reference of the hypervolume, in ranges of what was evaluated.
_REFERENCE = 1.1
# Candidates whose gain is computed again at a time when another one has joined the batch.
_RESCORED = 48
# The boxes of a front multiply with the objectives: of a longer front only the most spread points count.
_LARGEST_FRONT = {3: 150, 4: 40}
_LARGEST_FRONT_OF_MANY = 16


class GuidedSearch(AskTell):
    """Corners and a spread design first, then the greatest expected gain of hypervolume.

    Parameters
    ----------
    problem
        What is searched.
    initial
        How many networks, corners included, are spread before the first surrogate is fitted.
    effort
        The effort of a search over predictions.
    """

    def __init__(self, problem: ArrayProblem, *, initial: int = 12, effort: Effort | None = None) -> None:
        super().__init__(problem, effort=effort or Effort())
        self.initial = initial

    def ask(self, n: int, rng: np.random.Generator) -> Genes:
        """Return up to ``n`` new, distinct networks, best first; fewer only where no more were found."""
        if len(self.genes) < self.initial and any(self.problem.surrogates):
            return self._spread(n, rng)
        return self._guided(n, rng)

    # ------------------------------------------------------------ first networks

    def _spread(self, n: int, rng: np.random.Generator) -> Genes:
        problem = self.problem
        corners = distinct(self._corners(), apart_from=self.seen)[:n]
        old = np.concatenate([self.genes, corners])
        use_up = problem.num_objectives == 1 and bool(self._limited.any())
        drawn = skewed_sample(problem.genotype, rng, _POOL_OF_LIMITED if use_up else _POOL)
        pool = distinct(drawn, apart_from=np.r_[self.seen, keys(corners)])
        if problem.known is not None:
            values = problem.known(pool)
            over = violation(values, problem.limits)
            feasible = int((over <= 0).sum())
            if use_up:
                feasible //= 2
                over = np.where(over > 0, over, -(values / problem.limits)[:, self._limited].max(axis=1))
            pool = pool[np.argsort(over, kind="stable")[: max(feasible, 10 * n)]]
        points = self._coordinates(np.concatenate([old, pool]))
        picked = spread(points[len(old) :], n - len(corners), apart_from=points[: len(old)], rng=rng)
        return np.concatenate([corners, pool[picked]])

    @property
    def _limited(self) -> NDArray[np.bool_]:
        """Which columns are known and have a limit, ``(columns,)``."""
        problem = self.problem
        known = np.array([make is None for make in problem.surrogates])
        return known & np.isfinite(problem.limits) & (problem.limits > 0)

    def _corners(self) -> Genes:
        corners = self.problem.corners
        return self.genes[:0] if corners is None else self.problem.genotype.canonical(corners)

    def _coordinates(self, genes: Genes) -> Floats:
        """Standardised features, and the logarithms of the known values, which weigh more: see ``_KNOWN_WEIGHT``."""
        problem = self.problem
        x = problem.genotype.features(genes)
        x = (x - x.mean(axis=0)) / (x.std(axis=0) + 1e-12)
        x /= np.sqrt(max((x.std(axis=0) > 0).sum(), 1))
        if problem.known is None:
            return np.asarray(x)
        free = [j for j, surrogate in enumerate(problem.surrogates) if surrogate is None]
        y = np.log(np.abs(problem.known(genes)[:, free]) + 1e-12)
        y = (y - y.mean(axis=0)) / (y.std(axis=0) + 1e-12)
        return np.concatenate([x, y * (_KNOWN_WEIGHT / np.sqrt(max(len(free), 1)))], axis=1)

    # ------------------------------------------------------------- guided search

    def _guided(self, n: int, rng: np.random.Generator) -> Genes:
        predictions = self.problem.fit(self.genes, self.values, rng)
        optimism = float(rng.choice(self.effort.optimism))

        def hoped(rows: Genes) -> Floats:
            if optimism == 0.0:
                return predictions.expect(rows)
            mean, std = predictions.predict(rows)
            return mean - optimism * std

        genes = evolve_front(
            self.problem.genotype,
            values_of=hoped,
            start=self._parents(rng),
            num_objectives=self.problem.num_objectives,
            limits=self.problem.limits,
            effort=self.effort,
            rng=rng,
        )
        genes = genes[~np.isin(keys(genes), self.seen)]
        return self._pick(n, genes, *predictions.predict(genes))

    def _parents(self, rng: np.random.Generator) -> Genes:
        """Return the best evaluated networks, or the corners and a sample where nothing was evaluated."""
        problem, count = self.problem, self.effort.parents
        if not len(self.genes):
            return distinct(np.concatenate([self._corners(), skewed_sample(problem.genotype, rng, count)]))
        order = ranked(self.values, num_objectives=problem.num_objectives, limits=problem.limits, wanted=count)
        return self.genes[order[:count]]

    # ----------------------------------------------------------------- selection

    def _pick(self, n: int, genes: Genes, mean: Floats, std: Floats) -> Genes:
        """Greedy batch: each next network promises most beside the front and, as predicted, those picked before."""
        m, limits = self.problem.num_objectives, self.problem.limits
        evaluated = self.values[violation(self.values, limits) <= 0][:, :m]
        everything = evaluated if len(evaluated) else np.concatenate([self.values[:, :m], mean[:, :m]])
        low, high = everything.min(axis=0), everything.max(axis=0)
        scale = np.where(high > low, high - low, 1.0)
        front, reference = (evaluated - low) / scale, np.full(m, _REFERENCE)
        expected, deviation = (mean[:, :m] - low) / scale, std[:, :m] / scale
        chance = self._log_chance(genes, mean, std)
        feasible = violation(mean, limits) <= 0
        picked: list[int] = []
        score = np.full(len(genes), np.inf)
        for _ in range(min(n, len(genes))):
            front = _thinned(front)
            boxes = free_boxes(front, reference=reference)
            order = np.argsort(-score, kind="stable")[: len(genes) - len(picked)]
            # A gain never grows when the front does: what is behind the best by its old score stays behind.
            step = _RESCORED if picked else len(genes)
            for start in range(0, len(order), step):
                some = order[start : start + step]
                gain = expected_gain(expected[some], deviation[some], boxes=boxes)
                score[some] = np.log(np.maximum(gain, 1e-15)) + chance[some]
                done = start + len(some)
                if done == len(order) or score[order[:done]].max() >= score[order[done]]:
                    break
            index = int(order[np.argmax(score[order[:done]])])
            picked.append(index)
            score[index] = -np.inf
            if feasible[index]:
                front = np.concatenate([front, expected[[index]]])
        return genes[picked]

    def _log_chance(self, genes: Genes, mean: Floats, std: Floats) -> Floats:
        """Return the logarithm of the chance that every limit holds, ``(n,)``; far below any where it cannot hold."""
        problem = self.problem
        if problem.known_deviation is not None:
            std = np.where([make is None for make in problem.surrogates], problem.known_deviation(genes), std)
        total = np.zeros(len(genes))
        for column in np.flatnonzero(np.isfinite(problem.limits)):
            over, deviation = mean[:, column] - problem.limits[column], std[:, column]
            uncertain = deviation > 0
            total[uncertain] += log_ndtr(-over[uncertain] / deviation[uncertain])
            broken = ~uncertain & (over > 0)
            total[broken] -= 1e6 * (1.0 + violation(mean[broken][:, [column]], problem.limits[[column]]))
        return total


def _thinned(front: Floats) -> Floats:
    """Return the non-dominated points ``(k, m)``, the most spread of them where they are too many for boxes."""
    front = front[front_rows(front)]
    largest = _LARGEST_FRONT.get(front.shape[1], _LARGEST_FRONT_OF_MANY) if front.shape[1] > 2 else len(front)
    if len(front) <= largest:
        return front
    return front[spread(front, largest, apart_from=front[:1], rng=np.random.default_rng(0))]
