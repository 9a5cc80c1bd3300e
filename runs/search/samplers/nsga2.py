"""NSGA-II of Optuna (Deb et al., "A fast and elitist multiobjective genetic algorithm: NSGA-II", 2002)."""

from __future__ import annotations

from optuna.samplers import NSGAIISampler

from runs.search.optuna.sampler import Problem, SpaceSampler, WrappedSampler
from search_space import SearchSpace

__all__ = ["build"]

_GENERATIONS = 8


def build(space: SearchSpace, *, seed: int, problem: Problem) -> SpaceSampler:
    """Return the sampler with a population that leaves room for some generations in the trials of the search."""
    population = min(max(problem.n_trials // _GENERATIONS, 10), 50)
    return WrappedSampler(space, seed=seed, make=lambda s: NSGAIISampler(population_size=population, seed=s))
