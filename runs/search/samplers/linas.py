"""LINAS: populations by predicted values (:mod:`runs.search.algorithms.linas`), the way of DyNAS-T and SimQ-NAS."""

from __future__ import annotations

from runs.search.algorithms.linas import LinasSearch
from runs.search.optuna.batched import BatchedSampler
from runs.search.optuna.sampler import Problem, SpaceSampler
from search_space import SearchSpace

__all__ = ["build"]

_GENERATIONS = 5


def build(space: SearchSpace, *, seed: int, problem: Problem) -> SpaceSampler:
    """Return the sampler; its population is the 50 of the paper, fewer where five would not fit into the search."""
    population = min(max(problem.n_trials // _GENERATIONS, 10), 50)
    return BatchedSampler(
        space,
        seed=seed,
        problem=problem,
        batch=population,
        make=lambda task: LinasSearch(task, population=population),
    )
