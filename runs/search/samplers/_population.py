"""The population of Optuna's evolutionary samplers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from optuna.samplers import BaseSampler

from runs.search.optuna.private import constraint_options
from runs.search.optuna.sampler import SpaceSampler
from runs.search.optuna.wrapped import WrappedSampler
from runs.search.problem import Problem
from runs.search.settings import at_least
from search_space import SearchSpace

__all__ = ["PopulationSettings", "wrapped"]

_GENERATIONS = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class PopulationSettings:
    """How an evolutionary sampler proceeds.

    Parameters
    ----------
    population_size
        Networks of a generation; by default an eighth of the trials, from 10 to 50.
    """

    population_size: int | None = at_least(2)


def wrapped(
    make: Callable[..., BaseSampler], space: SearchSpace, *, seed: int, problem: Problem, settings: PopulationSettings
) -> SpaceSampler:
    """Return a sampler with a population that leaves room for some generations in the trials of the search."""
    size = settings.population_size or min(max(problem.n_trials // _GENERATIONS, 10), 50)
    options = constraint_options(problem.budget)
    return WrappedSampler(space, seed=seed, make=lambda s: make(population_size=size, seed=s, **options))
