"""What every sampler of ours is: an Optuna sampler that proposes canonical networks which the study does not hold yet.

Two parameter vectors can name one network; a sampler that does not know that spends evaluations on networks it has seen
(8-12 % of them in published tools). Here every proposal is made canonical first and repeated until it is new.
"""

from __future__ import annotations

import warnings
from abc import abstractmethod
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from threading import RLock
from typing import Any, Protocol

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from predictors.quality import QualityPredictor
from runs.objectives import Budget, Objective
from runs.search.algorithms.ask_tell import Surrogate
from runs.search.algorithms.design import skewed_sample
from runs.search.algorithms.genotype import CostFunction, Keys, distinct, keys
from runs.search.optuna.genes import distributions, genes_of, params_of, params_of_trial
from runs.search.optuna.threads import one_thread
from search_space import Genes, Registry, SearchSpace

__all__ = ["SAMPLERS", "CostFunction", "History", "Problem", "SamplerBuilder", "SpaceSampler", "WrappedSampler"]

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
    deviation
        From a gene matrix to the standard deviations ``(n,)`` of cheap values by name, of those that are predicted
        themselves, such as a latency; a limit then holds with a probability.
    """

    objectives: tuple[Objective, ...]
    budget: Budget = field(default_factory=Budget)
    cost_function: CostFunction
    n_trials: int
    surrogate: Callable[[SearchSpace], Surrogate] = QualityPredictor
    deviation: CostFunction | None = None


class SamplerBuilder(Protocol):
    """What a member of the registry defines as ``build``."""

    def __call__(self, space: SearchSpace, *, seed: int, problem: Problem) -> BaseSampler:
        """Return a sampler for one study over ``space``."""


SAMPLERS: Registry[SamplerBuilder] = Registry("runs.search.samplers", "build")


@dataclass(frozen=True, kw_only=True, slots=True)
class History:
    """The trials of a study but the current one, each with its canonical row, in order of number.

    ``genes`` is ``(n, genes)``, ``names`` are the keys of its rows.
    """

    trials: Sequence[FrozenTrial]
    genes: Genes
    names: Keys

    def before(self, number: int) -> History:
        """Return only the trials with smaller numbers."""
        count = bisect_left(self.trials, number, key=lambda trial: trial.number)
        return History(trials=self.trials[:count], genes=self.genes[:count], names=self.names[:count])

    def holds(self, row: Genes) -> bool:
        """Return whether a trial names the canonical row ``(genes,)``."""
        return bool((self.names == keys(row[None])[0]).any())


class _Memory:
    """The rows of one study's trials. Finished trials do not change: those before the first that runs are read once."""

    def __init__(self, space: SearchSpace) -> None:
        self._space = space
        self._count = 0
        self._trials: list[FrozenTrial] = []
        self._genes = np.zeros((64, len(space.gene_names)), np.int16)
        self._names = np.zeros(64, np.uint64)

    def history(self, trials: Sequence[FrozenTrial], number: int) -> History:
        """Return all ``trials``, in order of number, but the one of that ``number``."""
        if len(trials) < self._count:  # another study of the same name
            self._count, self._trials = 0, []
        while self._count < len(trials) and trials[self._count].state.is_finished():
            self._keep(trials[self._count])
            self._count += 1
        tail = [t for t in trials[self._count :] if t.number != number]
        rows = [(t, genes_of(self._space, params_of_trial(t))) for t in tail]
        named = [(t, row) for t, row in rows if row is not None]
        finished = len(self._trials)
        if not named:
            return History(trials=list(self._trials), genes=self._genes[:finished], names=self._names[:finished])
        genes = np.array([row for _, row in named], np.int16)
        return History(
            trials=[*self._trials, *(t for t, _ in named)],
            genes=np.concatenate([self._genes[:finished], genes]),
            names=np.concatenate([self._names[:finished], keys(genes)]),
        )

    def _keep(self, trial: FrozenTrial) -> None:
        row = genes_of(self._space, params_of_trial(trial))
        if row is None:
            return
        n = len(self._trials)
        if n == len(self._genes):
            self._genes, self._names = np.concatenate([self._genes] * 2), np.concatenate([self._names] * 2)
        self._genes[n], self._names[n] = row, keys(row[None])[0]
        self._trials.append(trial)


class SpaceSampler(BaseSampler):
    """A sampler over one of our spaces, for any study.

    What it proposes depends on the seed, the trial's number and the trials in the study alone, so that a search that is
    killed and resumed loses nothing. Threads take turns. Parameters that are not of the space are drawn at random.

    Parameters
    ----------
    space, seed
        The space, and a non-negative seed.
    """

    def __init__(self, space: SearchSpace, *, seed: int) -> None:
        self.space, self.seed = space, seed
        self._distributions = distributions(space)
        self._memories: dict[str, _Memory] = {}
        self._lock = RLock()

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
        with self._lock, one_thread():
            return self._sample(study, trial)

    def _sample(self, study: Study, trial: FrozenTrial) -> dict[str, Any]:
        if "fixed_params" in trial.system_attrs and genes_of(self.space, params_of_trial(trial)) is not None:
            return {}
        history = self.history(study, trial)
        row = np.zeros(0, np.int16)
        for proposal in islice(self.proposals(study, trial, history), _TRIES):
            row = self.space.canonical(proposal[None])[0]
            if not history.holds(row):
                return params_of(self.space, row)
        rng = self.generator(trial.number, 1)
        pool = np.concatenate([self.space.sample_genes(rng, _POOL), skewed_sample(self.space, rng, _POOL)])
        new = distinct(pool, apart_from=history.names)
        return params_of(self.space, new[0] if len(new) else row if row.size else pool[0])

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Draw a parameter that is not of the space."""
        seed = int(self.generator(trial.number, *param_name.encode()).integers(2**31))
        return RandomSampler(seed=seed).sample_independent(study, trial, param_name, param_distribution)

    def history(self, study: Study, trial: FrozenTrial) -> History:
        """Return every other trial that names a network, whether finished, running, waiting or failed."""
        memory = self._memories.setdefault(study.study_name, _Memory(self.space))
        return memory.history(study.get_trials(deepcopy=False), trial.number)


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
