"""Optuna's own samplers over one of our spaces, made canonical and free of duplicates."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence

from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from runs.search.optuna.genes import genes_of
from runs.search.optuna.history import History
from runs.search.optuna.sampler import SpaceSampler
from search_space import Genes, SearchSpace

__all__ = ["WrappedSampler"]


class WrappedSampler(SpaceSampler):
    """Any sampler of Optuna, made canonical and free of duplicates.

    Parameters
    ----------
    make
        From a seed to the sampler. It is called in the first trial, with a seed made of ``seed`` and its number:
        resumed, the sampler does not repeat the random numbers of its first life.
    """

    def __init__(self, space: SearchSpace, *, seed: int, make: Callable[[int], BaseSampler]) -> None:
        super().__init__(space, seed=seed)
        self._make = make
        self._inner: BaseSampler | None = None

    def inner(self, trial: FrozenTrial) -> BaseSampler:
        """Return the wrapped sampler."""
        if self._inner is None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ExperimentalWarning)
                self._inner = self._make(int(self.generator(trial.number).integers(2**31)))
        return self._inner

    def proposals(self, study: Study, trial: FrozenTrial, history: History) -> Iterator[Genes]:
        """Yield what the wrapped sampler proposes."""
        inner = self.inner(trial)
        while True:
            params = inner.sample_relative(study, trial, inner.infer_relative_search_space(study, trial))
            for name, distribution in self._distributions.items():
                if name not in params:
                    params[name] = inner.sample_independent(study, trial, name, distribution)
            row = genes_of(self.space, params)
            assert row is not None, "every parameter was drawn"
            yield row

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Pass on to the wrapped sampler."""
        self.inner(trial).before_trial(study, trial)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Pass on to the wrapped sampler."""
        self.inner(trial).after_trial(study, trial, state, values)
