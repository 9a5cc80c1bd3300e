"""The trials of a study as gene rows, read once each."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from optuna.trial import FrozenTrial

from runs.search.algorithms.genotype import Keys, keys
from runs.search.optuna.genes import genes_of, params_of_trial
from search_space import Genes, SearchSpace

__all__ = ["History", "TrialRows"]


@dataclass(frozen=True, kw_only=True, slots=True)
class History:
    """The trials of a study but the current one, in order of number.

    Parameters
    ----------
    trials
        Those that name a network, whether finished, running, waiting or failed.
    genes, names
        Their canonical rows, ``(n, genes)``, and the keys of these rows, ``(n,)``.
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


class TrialRows:
    """The gene rows of one study's trials.

    Finished trials do not change: those before the first that runs are read once.
    """

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
