"""What every sampler of ours is: an Optuna sampler that proposes canonical networks which the study does not hold yet.

Two parameter vectors can name one network; a sampler that does not know that spends evaluations on networks it has seen
(8-12 % of them in published tools). Here every proposal is made canonical first and repeated until it is new.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from itertools import islice
from threading import RLock
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from runs.search.algorithms.design import skewed_sample
from runs.search.algorithms.genotype import distinct
from runs.search.optuna.genes import distributions, genes_of, params_of, params_of_trial
from runs.search.optuna.history import History, TrialRows
from runs.search.optuna.private import enqueued_params
from runs.search.optuna.threads import one_thread
from search_space import Genes, SearchSpace

__all__ = ["SpaceSampler"]

_TRIES = 24
_POOL = 4096


class SpaceSampler(BaseSampler):
    """A sampler over one of our spaces: the contract that every member of the registry keeps.

    A trial lives like this::

        study.ask -> proposals -> canonical -> new? -> evaluate -> record -> study.tell
                         ^                      |no
                         +----------------------+

    1. *Ask.* ``study.ask``, or ``study.optimize``, makes a trial and asks for all genes at once
       (:meth:`sample_relative`). A trial that was enqueued with a whole network gets that network.
    2. *Propose.* :meth:`proposals` yields gene rows, best first. It is what a sampler implements.
    3. *Canonical, and new.* Each row is made canonical, so that one network has one row. The first row that no other
       trial of the study names, whatever its state, is taken: a network that is being evaluated elsewhere, that waits
       or that failed is not proposed again. After some tries a new network is drawn at random; a sampler never
       raises because it has run out of ideas, and where no new network is found it repeats one, which the search
       recognises as the end of the space.
    4. *Evaluate, record, tell.* The caller evaluates the network, records it, sets the constraints and tells the study
       the objective values. The sampler learns of it from the study in the next trial, and from nowhere else.

    Determinism
        What is proposed depends on the seed, the trial's number and the trials in the study alone; every random number
        comes from :meth:`generator`. So a search that is killed and resumed proposes what it would have proposed,
        and global random state is neither read nor changed.
    Thread safety
        :meth:`sample_relative` holds a lock: :meth:`proposals` runs in one thread at a time, with one thread for linear
        algebra. ``study.optimize(n_jobs=2)`` is allowed.
    Ownership
        A sampler may keep what it computed as a cache, for any number of studies. It must not change the trials,
        the rows of the history or the space, and only :class:`~runs.search.optuna.batched.BatchedSampler` writes to a
        study: one user attribute. Several processes have a sampler each, of the same seed.

    ``runs.search.testing`` checks all of this.

    Parameters
    ----------
    space
        The space whose networks are proposed; parameters that are not of the space are drawn at random.
    seed
        A number that is not negative.
    """

    def __init__(self, space: SearchSpace, *, seed: int) -> None:
        self.space, self.seed = space, seed
        self._distributions = distributions(space)
        self._rows: dict[str, TrialRows] = {}
        self._lock = RLock()

    @abstractmethod
    def proposals(self, study: Study, trial: FrozenTrial, history: History) -> Iterator[Genes]:
        """Yield in-range rows ``(genes,)``, best first; the first new one is taken.

        Up to 24 rows are taken of what may be endless, and as few as one. Rows need not be canonical, distinct or new.

        Parameters
        ----------
        study, trial
            Those that Optuna passes; neither may be changed.
        history
            The other trials of the study.
        """

    def generator(self, *key: int) -> np.random.Generator:
        """Return a generator that depends on the seed and ``key`` alone."""
        return np.random.default_rng([self.seed, *key])

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return the distribution of every gene that has a choice."""
        return dict(self._distributions)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the parameters of a canonical network, new to the study unless no new one was found.

        Raises
        ------
        StorageInternalError
            The study's database fails; nothing else is raised for a study over the same space.
        """
        with self._lock, one_thread():
            return self._sample(study, trial)

    def _sample(self, study: Study, trial: FrozenTrial) -> dict[str, Any]:
        if enqueued_params(trial) and genes_of(self.space, params_of_trial(trial)) is not None:
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
        memory = self._rows.setdefault(study.study_name, TrialRows(self.space))
        return memory.history(study.get_trials(deepcopy=False), trial.number)
