"""The first networks, before there is a model: spread over what is known of the space, and not dear."""

from __future__ import annotations

import numpy as np

from runs.search.algorithms.design import spread
from runs.search.algorithms.genotype import Floats
from runs.search.fidelities.task import FidelityTask
from search_space import Genes
from search_space.farthest import standardised

__all__ = ["first_networks"]

_KNOWN_WEIGHT = 3.0
# The dearer networks of a pool teach as much as the others, and would take most of the time.
_CHEAP = 0.3


def first_networks(task: FidelityTask, pool: Genes, *, told: Genes, n: int, rng: np.random.Generator) -> Genes:
    """Return ``n`` of a pool of networks, each far from the others and from those that are there already."""
    if len(pool) > 4 * n:
        cost = task.step_cost(pool)
        pool = pool[cost <= np.quantile(cost, _CHEAP)]
    points = _coordinates(task, np.concatenate([told, pool]))
    return pool[spread(points[len(told) :], n, apart_from=points[: len(told)], rng=rng)]


def _coordinates(task: FidelityTask, genes: Genes) -> Floats:
    """Return standardised features and logarithms of the known objectives, ``(n, d)``; the latter weigh more."""
    x, y = task.genotype.features(genes), np.log(task.known(genes))
    x, y = standardised(x), standardised(y)
    x = x / np.sqrt(max(int((x.std(axis=0) > 0).sum()), 1))
    return np.concatenate([x, y * (_KNOWN_WEIGHT / np.sqrt(y.shape[1]))], axis=1)
