"""The largest networks within limits: of equally fast networks those that compute more are mostly better once trained.

That holds without any evaluation. Paper: White et al. 2022 (A Deeper Look at Zero-Cost Proxies for Lightweight NAS).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from runs.search.algorithms.design import skewed_sample
from runs.search.algorithms.evolution import evolve
from runs.search.algorithms.genotype import CostFunction, Floats
from search_space import Architecture, Genes, SearchSpace

__all__ = ["highest_flops"]

_DRAWN, _GENERATIONS, _PARENTS, _CHILDREN = 50_000, 11, 40, 8


def highest_flops(
    space: SearchSpace, *, cost_function: CostFunction, limits: Mapping[str, float], rng: np.random.Generator
) -> dict[Architecture, float]:
    """Return the network of the most FLOPs within the limits for each most frequent mixer and width, with these FLOPs.

    A network that leaves tokens unmixed in a layer counts as one of ``identity``: FLOPs alone would choose channel
    mixers nearly everywhere, and after the same finetuning such networks were the worse. Nothing is returned where no
    limit is on a value that ``cost_function`` gives.
    """
    limited = [name for name in limits if name in cost_function(space.encode([space.smallest]))]
    if not limited:
        return {}

    def flops_and_excess(genes: Genes) -> Floats:
        values = cost_function(genes)
        return np.stack([values["flops"], *(values[name] - limits[name] for name in limited)], axis=1)

    def best(genes: Genes, values: Floats, count: int) -> list[NDArray[np.intp]]:
        """Return the rows within the limits of each group, of most FLOPs first, then in the order of their genes."""
        rows = np.flatnonzero((values[:, 1:] <= 0).all(axis=1))
        rows = rows[np.unique(genes[rows], axis=0, return_index=True)[1]]
        rows = rows[np.argsort(-values[rows, 0], kind="stable")]
        return [rows[group][:count] for group in _groups(space, genes[rows])]

    genes, values = evolve(
        np.concatenate([skewed_sample(space, rng, _DRAWN), space.sample_genes(rng, _DRAWN)]),
        values_of=flops_and_excess,
        select=lambda genes, values: np.concatenate([np.zeros(0, np.intp), *best(genes, values, _PARENTS)]),
        children_of=lambda parents: space.mutate(
            np.repeat(parents, _CHILDREN, axis=0), rng, rate=1.5 / parents.shape[1]
        ),
        generations=_GENERATIONS,
    )
    return {space.decode(genes[group])[0]: float(values[group[0], 0]) for group in best(genes, values, 1)}


def _groups(space: SearchSpace, genes: Genes) -> list[NDArray[np.intp]]:
    """Return the rows of each most frequent mixer and width; ``identity`` counts in every network that has it."""
    names = space.gene_names
    depth = np.array(space.depth)[genes[:, names.index("depth")]]
    mixers = genes[:, [names.index(f"layer{i}.mixer") for i in range(space.max_depth)]]
    there = np.arange(space.max_depth) < depth[:, None]
    counts = np.stack([((mixers == m) & there).sum(1) for m in range(len(space.mixer))], axis=1)
    most_frequent = counts.argmax(1)
    for idle in np.flatnonzero(space.flag("mixer", "skips")):
        most_frequent = np.where(counts[:, idle] > 0, idle, most_frequent)
    codes = most_frequent * len(space.embed_dim) + genes[:, names.index("embed_dim")]
    return [np.flatnonzero(codes == code) for code in np.unique(codes)]
