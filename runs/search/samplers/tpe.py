"""Multivariate, multi-objective TPE of Optuna.

Papers: Ozaki et al., "Multiobjective tree-structured Parzen estimator" (2022); Falkner, Klein and Hutter, "BOHB" (2018)
for the multivariate form.
"""

from __future__ import annotations

from optuna.samplers import TPESampler

from runs.search.optuna.sampler import Problem, SpaceSampler, WrappedSampler
from search_space import SearchSpace

__all__ = ["build"]


def build(space: SearchSpace, *, seed: int, problem: Problem) -> SpaceSampler:
    """Return the sampler; a fifth of the trials, 10 to 40, are random before the first model."""
    startup = min(max(problem.n_trials // 5, 10), 40)
    return WrappedSampler(
        space, seed=seed, make=lambda s: TPESampler(seed=s, multivariate=True, n_startup_trials=startup)
    )
