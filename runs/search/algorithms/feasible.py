"""Whether any network of a space meets limits on its costs: an evolution that minimises the excess alone."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from runs.search.algorithms.evolution import evolve
from runs.search.algorithms.genotype import CostFunction, Floats
from search_space import Genes, SearchSpace

__all__ = ["nearest_to_limits"]

_POPULATION, _GENERATIONS, _PARENTS = 2000, 14, 200


def nearest_to_limits(
    space: SearchSpace, *, cost_function: CostFunction, limits: Mapping[str, float], rng: np.random.Generator
) -> tuple[Genes, bool]:
    """Return the row ``(genes,)`` of the least total excess that was found, and whether it meets every limit.

    Parameters
    ----------
    cost_function
        It gives every limited value.
    limits
        Upper limits by name, one or more; excesses are relative to them.
    """

    def excess(genes: Genes) -> Floats:
        values = cost_function(genes)
        columns = [np.maximum(values[name] / limit - 1.0, 0.0) for name, limit in limits.items()]
        return np.asarray(np.sum(columns, axis=0)[:, None])

    genes, total = evolve(
        np.concatenate([space.encode([space.smallest]), space.sample_genes(rng, _POPULATION)]),
        values_of=excess,
        select=lambda genes, total: np.argsort(total[:, 0], kind="stable")[:_PARENTS],
        children_of=lambda parents: space.mutate(
            np.repeat(parents, _POPULATION // _PARENTS, axis=0), rng, rate=1.5 / parents.shape[1]
        ),
        generations=_GENERATIONS,
        until=lambda total: bool((total == 0).any()),
    )
    best = int(total[:, 0].argmin())
    return genes[best], bool(total[best, 0] == 0)
