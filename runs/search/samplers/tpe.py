"""Multivariate, multi-objective TPE of Optuna.

Papers: Ozaki et al., "Multiobjective tree-structured Parzen estimator" (2022); Falkner, Klein and Hutter, "BOHB" (2018)
for the multivariate form.
"""

from __future__ import annotations

from dataclasses import dataclass

from optuna.samplers import TPESampler

from runs.search.optuna.private import constraint_options
from runs.search.optuna.sampler import SpaceSampler
from runs.search.optuna.wrapped import WrappedSampler
from runs.search.problem import Problem
from runs.search.registry import Sampler
from runs.search.settings import at_least
from search_space import SearchSpace

__all__ = ["SAMPLER", "TpeSettings"]


@dataclass(frozen=True, kw_only=True, slots=True)
class TpeSettings:
    """How TPE proceeds.

    Parameters
    ----------
    n_startup_trials
        Random networks before the first model; by default a fifth of the trials, from 10 to 40.
    multivariate
        Whether genes are modelled together, or each for itself.
    """

    n_startup_trials: int | None = at_least(1)
    multivariate: bool = True


def build(space: SearchSpace, *, seed: int, problem: Problem, settings: TpeSettings) -> SpaceSampler:
    """Return the sampler."""
    startup = settings.n_startup_trials or min(max(problem.n_trials // 5, 10), 40)
    return WrappedSampler(
        space,
        seed=seed,
        make=lambda s: TPESampler(
            seed=s,
            multivariate=settings.multivariate,
            n_startup_trials=startup,
            **constraint_options(problem.budget),
        ),
    )


SAMPLER = Sampler(settings=TpeSettings, build=build)
