"""Successive halving of networks that begin with random weights: a share of the time that trusts no model.

A model that has seen two networks to the end believes that all others end like them. The networks of this part are
drawn at random, begin without a donor, and of each rung the best third goes on to the rung after the next, whatever the
model expects of them: it learns from them how curves differ, and the search is never far behind successive halving.

Papers: Li et al. 2020 (ASHA, arXiv:1810.05934); Schmucker et al. 2021 (arXiv:2106.12639: multi-objective).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from runs.objectives.pareto import non_dominated
from runs.search.algorithms.design import spread
from runs.search.algorithms.genotype import Floats
from runs.search.fidelities.task import Action, FidelityTask, Observation
from search_space import Genes
from search_space.farthest import standardised

__all__ = ["Halving", "first_networks"]

_KNOWN_WEIGHT = 3.0
# The dearer networks of a pool teach as much as the others, and would take most of the time.
_CHEAP = 0.3
_STRIDE, _KEPT = 2, 3  # of the rungs, which double: four times the steps for a third of the networks


class Halving:
    """Chooses what successive halving would buy.

    Parameters
    ----------
    task
        What is searched.
    share
        Of the cost of all actions, as the task tells it.
    """

    def __init__(self, task: FidelityTask, *, share: float) -> None:
        self.task, self.share = task, share
        last = len(task.rungs) - 1
        self.rungs = [task.rungs[i] for i in sorted({*range(0, last, _STRIDE), last})]

    def behind(self, actions: Sequence[Action]) -> bool:
        """Return whether its own among the actions took less than its share."""
        if self.share == 0:
            return False
        cost = self.task.costs(actions)
        mine = np.array([a.halving for a in actions], bool)
        return float(cost[mine].sum()) <= self.share * float(cost.sum())

    def promoted(
        self, observations: Sequence[Observation], *, apart_from: set[tuple[int, ...]]
    ) -> tuple[tuple[int, ...], int] | None:
        """Return the network to train on, and the steps that it is to have then; ``None`` where no rung is full enough.

        Networks ``apart_from`` are in work or given up.
        """
        begun = {o.action.genes for o in observations if o.action.done == 0 and o.action.donor is None}
        alone = [o for o in observations if o.action.genes in begun]
        reached: dict[tuple[int, ...], int] = {}
        for o in alone:
            reached[o.action.genes] = o.steps
        for here, following in zip(self.rungs[-2::-1], self.rungs[:0:-1], strict=True):
            names = [o.action.genes for o in alone if o.steps == here]
            if len(names) < _KEPT:
                continue
            values = np.column_stack(
                [[o.error for o in alone if o.steps == here], self.task.known(np.array(names, np.int16))]
            )
            for i in _by_rank(values)[: len(names) // _KEPT]:
                if reached[names[i]] < following and names[i] not in apart_from:
                    return names[i], following
        return None


def first_networks(task: FidelityTask, pool: Genes, *, told: Genes, n: int, rng: np.random.Generator) -> Genes:
    """Return ``n`` of a pool of networks, each far from the others and from those that are there already."""
    if len(pool) > 4 * n:
        cost = task.step_cost(pool)
        pool = pool[cost <= np.quantile(cost, _CHEAP)]
    points = _coordinates(task, np.concatenate([told, pool]))
    return pool[spread(points[len(told) :], n, apart_from=points[: len(told)], rng=rng)]


def _by_rank(values: Floats) -> NDArray[np.intp]:
    """Return the rows of ``(n, m)`` objectives, those that nothing dominates first, in each rank the least errors."""
    ranks, left, rank = np.zeros(len(values)), np.arange(len(values)), 0
    while len(left):
        front = non_dominated(values[left])
        ranks[left[front]], left, rank = rank, left[~front], rank + 1
    return np.lexsort((values[:, 0], ranks))


def _coordinates(task: FidelityTask, genes: Genes) -> Floats:
    """Return standardised features and logarithms of the known objectives, ``(n, d)``; the latter weigh more."""
    x, y = task.genotype.features(genes), np.log(task.known(genes))
    x, y = standardised(x), standardised(y)
    x = x / np.sqrt(max(int((x.std(axis=0) > 0).sum()), 1))
    return np.concatenate([x, y * (_KNOWN_WEIGHT / np.sqrt(y.shape[1]))], axis=1)
