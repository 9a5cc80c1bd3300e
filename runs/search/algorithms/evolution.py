"""A vectorised evolution over integer genes: whole populations at once, no trial, no evaluation.

Parents are kept as long as they are good, so what is returned holds the best of all that was looked at. What is good
and how children are made is given: :mod:`~runs.search.algorithms.nsga2` looks for a front,
:mod:`~runs.search.algorithms.highest_flops` for the largest networks within limits, and
:mod:`~runs.search.algorithms.feasible` for one network within them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from runs.search.algorithms.genotype import Floats, distinct, keys
from search_space import Genes

__all__ = ["evolve"]


def evolve(
    start: Genes,
    *,
    values_of: Callable[[Genes], Floats],
    select: Callable[[Genes, Floats], NDArray[np.intp]],
    children_of: Callable[[Genes], Genes],
    generations: int,
    first_children: Genes | None = None,
    until: Callable[[Floats], bool] = lambda values: False,
) -> tuple[Genes, Floats]:
    """Return the last parents and children, ``(n, genes)``, and their values ``(n, columns)``.

    Parameters
    ----------
    start
        The first parents, ``(n, genes)`` canonical rows, one or more.
    values_of
        From ``(n, genes)`` to what parents are selected by, ``(n, columns)``.
    select
        From parents and children with their values to the rows of the next parents, in order.
    children_of
        From parents ``(n, genes)`` to canonical children; those that are parents already are left out.
    generations
        How often children are made.
    first_children
        Those of the first generation, with all of ``start`` as parents; made from selected parents when ``None``.
    until
        Whether values are good enough to stop.
    """
    genes, values = start, values_of(start)
    for generation in range(generations):
        if until(values):
            break
        if generation == 0 and first_children is not None:
            children = first_children
        else:
            parents = select(genes, values)
            genes, values = genes[parents], values[parents]
            if not len(genes):
                break
            children = children_of(genes)
        children = distinct(children, apart_from=keys(genes))
        genes, values = np.concatenate([genes, children]), np.concatenate([values, values_of(children)])
    return genes, values
