"""What every sampler of ours is: an Optuna sampler that proposes canonical networks which the study does not hold yet.

Two parameter vectors can name one network; a sampler that does not know that spends evaluations on networks it has seen
(8-12 % of them in published tools). Here every proposal is made canonical first and repeated until it is new.
"""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from predictors.quality import QualityPredictor
from runs.objectives import Budget, Objective
from runs.search.design import skewed_sample
from runs.search.genes import distributions, genes_of, params_of, params_of_trial
from runs.search.guided import Surrogate
from search_space import Genes, Registry, SearchSpace

__all__ = ["SAMPLERS", "Cheap", "History", "Problem", "SamplerBuilder", "SpaceSampler", "WrappedSampler"]

Cheap = Callable[[Genes], Mapping[str, NDArray[np.float64]]]
_TRIES = 24
_POOL = 4096


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """What a sampler may know of a search.

    Parameters
    ----------
    objectives, budget
        What is optimised, in order, and the limits.
    cheap
        From a gene matrix ``(n, genes)`` to ``(n,)`` values by name: every objective and limited value that needs no
        evaluation.
    n_trials
        How many networks the search is going to evaluate.
    surrogate
        Makes the model of an evaluated objective.
    """

    objectives: tuple[Objective, ...]
    budget: Budget = field(default_factory=Budget)
    cheap: Cheap
    n_trials: int
    surrogate: Callable[[SearchSpace], Surrogate] = QualityPredictor


class SamplerBuilder(Protocol):
    """What a member of the registry defines as ``build``."""

    def __call__(self, space: SearchSpace, *, seed: int, problem: Problem) -> BaseSampler:
        """Return a sampler for one study over ``space``."""


SAMPLERS: Registry[SamplerBuilder] = Registry("runs.search.samplers", "build")


@dataclass(frozen=True, kw_only=True, slots=True)
class History:
    """The trials of a study but the current one, each with its canonical row ``(n, genes)``, in order of number."""

    trials: tuple[FrozenTrial, ...]
    genes: Genes
    seen: frozenset[bytes]

    def before(self, number: int) -> History:
        """Return only the trials with smaller numbers."""
        count = sum(trial.number < number for trial in self.trials)
        genes = self.genes[:count]
        return History(trials=self.trials[:count], genes=genes, seen=frozenset(row.tobytes() for row in genes))


class SpaceSampler(BaseSampler):
    """A sampler over one of our spaces, for any study.

    What it proposes depends on the seed, the trial's number and the trials in the study alone, so that a search that is
    killed and resumed loses nothing. One instance serves one study and one thread: use ``n_jobs=1``. Parameters that
    are not of the space are drawn at random.

    Parameters
    ----------
    space, seed
        The space, and a non-negative seed.
    """

    def __init__(self, space: SearchSpace, *, seed: int) -> None:
        self.space, self.seed = space, seed
        self._distributions = distributions(space)
        self._rows: dict[tuple[str, int], Genes | None] = {}

    @abstractmethod
    def proposals(self, study: Study, trial: FrozenTrial, history: History) -> Iterator[Genes]:
        """Yield in-range rows ``(genes,)``, best first; the first new one is taken."""

    def generator(self, *key: int) -> np.random.Generator:
        """Return a generator that depends on the seed and ``key`` alone."""
        return np.random.default_rng([self.seed, *key])

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return the distribution of every gene that has a choice."""
        return dict(self._distributions)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the parameters of a canonical network, new to the study unless no new one was found."""
        if "fixed_params" in trial.system_attrs and self._row(study, trial) is not None:
            return {}
        history = self.history(study, trial)
        row = np.zeros(0, np.int16)
        for proposal in islice(self.proposals(study, trial, history), _TRIES):
            row = self.space.canonical(proposal[None])[0]
            if row.tobytes() not in history.seen:
                return params_of(self.space, row)
        rng = self.generator(trial.number, 1)
        pool = np.concatenate([self.space.sample_genes(rng, _POOL), skewed_sample(self.space, rng, _POOL)])
        new = [candidate for candidate in pool if candidate.tobytes() not in history.seen]
        return params_of(self.space, new[0] if new else row if row.size else pool[0])

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Draw a parameter that is not of the space."""
        seed = int(self.generator(trial.number, *param_name.encode()).integers(2**31))
        return RandomSampler(seed=seed).sample_independent(study, trial, param_name, param_distribution)

    def history(self, study: Study, trial: FrozenTrial) -> History:
        """Return every other trial that names a network, whether finished, running, waiting or failed."""
        others = [t for t in study.get_trials(deepcopy=False) if t.number != trial.number]
        rows = [(t, self._row(study, t)) for t in others]
        named = [(t, row) for t, row in rows if row is not None]
        genes = np.array([row for _, row in named], np.int16).reshape(len(named), len(self.space.gene_names))
        return History(
            trials=tuple(t for t, _ in named), genes=genes, seen=frozenset(row.tobytes() for _, row in named)
        )

    def _row(self, study: Study, trial: FrozenTrial) -> Genes | None:
        if not trial.state.is_finished():
            return genes_of(self.space, params_of_trial(trial))
        key = (study.study_name, trial.number)
        if key not in self._rows:
            self._rows[key] = genes_of(self.space, params_of_trial(trial))
        return self._rows[key]


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
