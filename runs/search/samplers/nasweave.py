"""The predictor-guided sampler: surrogates of what is evaluated, formulas for the rest, batches by hypervolume gain.

The work is done by :class:`runs.search.algorithms.guided.GuidedSearch`.
"""

from __future__ import annotations

from dataclasses import dataclass

from runs.search.algorithms.guided import GuidedSearch
from runs.search.optuna.batched import BatchedSampler
from runs.search.optuna.sampler import SpaceSampler
from runs.search.problem import Problem
from runs.search.registry import Sampler
from runs.search.settings import at_least
from search_space import SearchSpace

__all__ = ["SAMPLER", "NasweaveSettings"]

_INITIAL = 12
_CORNERS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class NasweaveSettings:
    """How the predictor-guided search proceeds.

    Parameters
    ----------
    batch
        Networks that are chosen together, between two fits of the surrogates.
    initial
        Networks before the first surrogate, corners included; by default a third of the trials, from 4 to 12.
    """

    batch: int = at_least(1, default=4)
    initial: int | None = at_least(2)


def build(space: SearchSpace, *, seed: int, problem: Problem, settings: NasweaveSettings) -> SpaceSampler:
    """Return the sampler."""
    initial = settings.initial or min(_INITIAL, max(problem.n_trials // 3, _CORNERS + 1))
    return BatchedSampler(
        space,
        seed=seed,
        problem=problem,
        batch=settings.batch,
        make=lambda problem: GuidedSearch(problem, initial=initial),
    )


SAMPLER = Sampler(settings=NasweaveSettings, build=build)
