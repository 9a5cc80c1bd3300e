"""LINAS: populations by predicted values (:mod:`runs.search.algorithms.linas`), the way of DyNAS-T and SimQ-NAS."""

from __future__ import annotations

from dataclasses import dataclass

from runs.search.algorithms.linas import LinasSearch
from runs.search.optuna.batched import BatchedSampler
from runs.search.optuna.sampler import SpaceSampler
from runs.search.problem import Problem
from runs.search.registry import Sampler
from runs.search.settings import at_least
from search_space import SearchSpace

__all__ = ["SAMPLER", "LinasSettings"]

_GENERATIONS = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class LinasSettings:
    """How LINAS proceeds.

    Parameters
    ----------
    population
        Networks that are evaluated between two fits of the predictors; by default the 50 of the paper, fewer (10 at
        least) where five populations would not fit into the trials.
    """

    population: int | None = at_least(2)


def build(space: SearchSpace, *, seed: int, problem: Problem, settings: LinasSettings) -> SpaceSampler:
    """Return the sampler."""
    population = settings.population or min(max(problem.n_trials // _GENERATIONS, 10), 50)
    return BatchedSampler(
        space,
        seed=seed,
        problem=problem,
        batch=population,
        make=lambda problem: LinasSearch(problem, population=population),
    )


SAMPLER = Sampler(settings=LinasSettings, build=build)
