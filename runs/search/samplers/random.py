"""Random search: every gene uniform, no network twice. The baseline that each other sampler has to beat."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from optuna.study import Study
from optuna.trial import FrozenTrial

from runs.search.optuna.history import History
from runs.search.optuna.sampler import SpaceSampler
from runs.search.problem import Problem
from runs.search.registry import Sampler
from search_space import Genes, SearchSpace

__all__ = ["SAMPLER", "RandomSettings"]


@dataclass(frozen=True, kw_only=True, slots=True)
class RandomSettings:
    """Random search has nothing to set."""


class _RandomGenes(SpaceSampler):
    def proposals(self, study: Study, trial: FrozenTrial, history: History) -> Iterator[Genes]:
        rng = self.generator(trial.number)
        while True:
            yield self.space.sample_genes(rng, 1)[0]


def build(space: SearchSpace, *, seed: int, problem: Problem, settings: RandomSettings) -> SpaceSampler:
    """Return the sampler; it needs to know nothing of the problem."""
    return _RandomGenes(space, seed=seed)


SAMPLER = Sampler(settings=RandomSettings, build=build)
