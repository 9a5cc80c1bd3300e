"""The predictor-guided sampler: surrogates of what is evaluated, formulas for the rest, batches by hypervolume gain.

The work is done by :class:`runs.search.algorithms.guided.GuidedSearch`.
"""

from __future__ import annotations

from runs.search.algorithms.guided import GuidedSearch
from runs.search.optuna.batched import BatchedSampler
from runs.search.optuna.sampler import Problem, SpaceSampler
from search_space import SearchSpace

__all__ = ["build"]

_BATCH = 4
_INITIAL = 12
_CORNERS = 3


def build(space: SearchSpace, *, seed: int, problem: Problem) -> SpaceSampler:
    """Return the sampler; a third of a short search, its corners at least, comes before the first surrogate."""
    initial = min(_INITIAL, max(problem.n_trials // 3, _CORNERS + 1))
    return BatchedSampler(
        space, seed=seed, problem=problem, batch=_BATCH, make=lambda task: GuidedSearch(task, initial=initial)
    )
