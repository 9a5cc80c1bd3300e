"""A model-based search as an Optuna sampler: batches that depend on the trials before them alone.

Trials ``batch * size`` to ``(batch + 1) * size - 1`` are one batch, computed from the trials before it. The latest
batch is kept in the study: of several processes one computes it, and a process that resumes in its midst goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from runs.search.algorithms.ask_tell import ArrayProblem, AskTell
from runs.search.algorithms.genotype import Floats, SpaceGenotype
from runs.search.optuna.history import History
from runs.search.optuna.private import constraints_of
from runs.search.optuna.sampler import SpaceSampler
from runs.search.problem import Problem
from search_space import Genes, SearchSpace

__all__ = ["BatchedSampler"]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Batch:
    """The networks ``rows``, ``(n, genes)``, best first, for one batch of a study's trials."""

    study: str
    number: int
    rows: Genes


class BatchedSampler(SpaceSampler):
    """Batches of a search over one of our spaces.

    Parameters
    ----------
    space, seed, problem
        What is searched.
    batch
        How many networks are chosen together.
    make
        From the problem as arrays to a fresh search.
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        seed: int,
        problem: Problem,
        batch: int,
        make: Callable[[ArrayProblem], AskTell],
    ) -> None:
        super().__init__(space, seed=seed)
        self.problem, self.batch, self._make = problem, batch, make
        self._columns = problem.columns
        self._evaluated = [column.evaluated for column in self._columns]
        limits = [problem.budget.limits.get(column.name, np.inf) for column in self._columns]
        self._arrays = ArrayProblem(
            genotype=SpaceGenotype(space),
            num_objectives=len(problem.objectives),
            limits=np.array(limits, float),
            surrogates=[partial(problem.surrogate, space) if e else None for e in self._evaluated],
            known=None if all(self._evaluated) else self._known,
            known_deviation=None if problem.deviation is None else self._known_deviation,
            corners=space.encode([space.smallest, space.middle, space.largest]),
        )
        self._latest: _Batch | None = None

    def proposals(self, study: Study, trial: FrozenTrial, history: History) -> Iterator[Genes]:
        """Yield the rest of the batch, from the trial's place in it on.

        While the process that has the first trial of a batch computes it, the others take what the one before left.
        """
        number, position = divmod(trial.number, self.batch)
        latest = self._newest(study, number)
        if latest is not None and position and latest.number == number - 1:
            yield from latest.rows
        if latest is None or latest.number != number:
            rows = self._new_batch(history.before(number * self.batch), number)
            latest = self._latest = _Batch(study=study.study_name, number=number, rows=rows)
            kept = {"number": number, "rows": rows.tolist()}
            study.set_user_attr(self._attribute, kept)
        yield from latest.rows[position:]
        yield from latest.rows[:position]

    def _newest(self, study: Study, number: int) -> _Batch | None:
        """Return the batch of a number where it is known, else the latest one that is."""
        known = self._latest if self._latest is not None and self._latest.study == study.study_name else None
        if known is None or known.number != number:
            kept = study.user_attrs.get(self._attribute)
            if kept is not None:
                rows = np.array(kept["rows"], np.int16).reshape(-1, len(self.space.gene_names))
                known = self._latest = _Batch(study=study.study_name, number=kept["number"], rows=rows)
        return known

    @property
    def _attribute(self) -> str:
        return f"nasweave:batch:{self.seed}:{self.batch}"

    def _new_batch(self, history: History, number: int) -> Genes:
        """Return two batches, best first: the second replaces what turns out to be in the study already."""
        search = self._make(self._arrays)
        complete = np.array([trial.state == TrialState.COMPLETE for trial in history.trials], bool)
        search.avoid(history.genes[~complete])
        if complete.any():
            search.tell(history.genes[complete], self._stored_values(history, complete))
        return search.ask(2 * self.batch, self.generator(number))

    def _known(self, genes: Genes) -> Floats:
        costs = self.problem.cost_function(genes)
        columns = [np.full(len(genes), np.nan) if c.evaluated else c.sign * costs[c.name] for c in self._columns]
        return np.stack(columns, axis=1)

    def _known_deviation(self, genes: Genes) -> Floats:
        assert self.problem.deviation is not None
        deviation = self.problem.deviation(genes)
        return np.stack([deviation.get(c.name, np.zeros(len(genes))) for c in self._columns], axis=1)

    def _stored_values(self, history: History, complete: NDArray[np.bool_]) -> Floats:
        """Return ``(n, columns)``: evaluated values from the trials, the others as for any candidate."""
        values = self._known(history.genes[complete])
        trials = [trial for trial, done in zip(history.trials, complete, strict=True) if done]
        for j, column in enumerate(self._columns):
            if column.evaluated and j < len(self.problem.objectives):
                values[:, j] = [column.sign * trial.values[j] for trial in trials]
            elif column.evaluated:
                limit = self.problem.budget.limits[column.name]
                values[:, j] = [(constraints_of(trial)[column.name] + 1.0) * limit for trial in trials]
        return values
