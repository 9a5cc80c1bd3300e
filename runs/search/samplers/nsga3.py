"""NSGA-III of Optuna, for three objectives and more.

Paper: Deb and Jain, "An evolutionary many-objective optimization algorithm using reference-point-based nondominated
sorting approach" (2014).
"""

from __future__ import annotations

from dataclasses import dataclass

from optuna.samplers import NSGAIIISampler

from runs.search.optuna.private import constraint_options
from runs.search.optuna.sampler import SpaceSampler
from runs.search.optuna.wrapped import WrappedSampler
from runs.search.problem import Problem
from runs.search.registry import Sampler
from runs.search.settings import at_least
from search_space import SearchSpace

__all__ = ["SAMPLER", "Nsga3Settings"]

_GENERATIONS = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Nsga3Settings:
    """How NSGA-III proceeds.

    Parameters
    ----------
    population_size
        Networks of a generation; by default an eighth of the trials, from 10 to 50.
    """

    population_size: int | None = at_least(2)


def build(space: SearchSpace, *, seed: int, problem: Problem, settings: Nsga3Settings) -> SpaceSampler:
    """Return the sampler with a population that leaves room for some generations in the trials of the search."""
    size = settings.population_size or min(max(problem.n_trials // _GENERATIONS, 10), 50)
    return WrappedSampler(
        space,
        seed=seed,
        make=lambda s: NSGAIIISampler(population_size=size, seed=s, **constraint_options(problem.budget)),
    )


SAMPLER = Sampler(settings=Nsga3Settings, build=build)
