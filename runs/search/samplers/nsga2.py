"""NSGA-II of Optuna (Deb et al., "A fast and elitist multiobjective genetic algorithm: NSGA-II", 2002)."""

from __future__ import annotations

from dataclasses import dataclass

from optuna.samplers import NSGAIISampler

from runs.search.optuna.private import constraint_options
from runs.search.optuna.sampler import SpaceSampler
from runs.search.optuna.wrapped import WrappedSampler
from runs.search.problem import Problem
from runs.search.registry import Sampler
from runs.search.settings import at_least
from search_space import SearchSpace

__all__ = ["SAMPLER", "Nsga2Settings"]

_GENERATIONS = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Nsga2Settings:
    """How NSGA-II proceeds.

    Parameters
    ----------
    population_size
        Networks of a generation; by default an eighth of the trials, from 10 to 50.
    """

    population_size: int | None = at_least(2)


def build(space: SearchSpace, *, seed: int, problem: Problem, settings: Nsga2Settings) -> SpaceSampler:
    """Return the sampler with a population that leaves room for some generations in the trials of the search."""
    size = settings.population_size or min(max(problem.n_trials // _GENERATIONS, 10), 50)
    return WrappedSampler(
        space,
        seed=seed,
        make=lambda s: NSGAIISampler(population_size=size, seed=s, **constraint_options(problem.budget)),
    )


SAMPLER = Sampler(settings=Nsga2Settings, build=build)
