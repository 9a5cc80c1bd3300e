"""The predictor-guided sampler: surrogates of what is evaluated, formulas for the rest, batches by hypervolume gain.

The work is done by :class:`runs.search.guided.GuidedSearch`. Trials ``batch * size`` to ``(batch + 1) * size - 1`` are
one batch, computed from the trials before it; a process that resumes in the midst of a batch computes the same one.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from runs.search.guided import GuidedSearch
from runs.search.hypervolume_gain import Floats
from runs.search.sampler import History, Problem, SpaceSampler
from search_space import Genes, SearchSpace, features

__all__ = ["build"]

_BATCH = 4
_INITIAL = 12


class _SpaceGenotype:
    """A search space as the genotype of the guided search."""

    def __init__(self, space: SearchSpace) -> None:
        self.cards, self.canonical, self.features = space.cards, space.canonical, partial(features, space)


class _Nasweave(SpaceSampler):
    def __init__(self, space: SearchSpace, *, seed: int, problem: Problem) -> None:
        super().__init__(space, seed=seed)
        self.problem = problem
        names = [objective.name for objective in problem.objectives]
        self._columns = (*problem.objectives, *(o for o in problem.budget.objectives if o.name not in names))
        self._batch: tuple[tuple[str, int], Genes] | None = None

    def proposals(self, study: Study, trial: FrozenTrial, history: History) -> Iterator[Genes]:
        number, position = divmod(trial.number, _BATCH)
        if self._batch is None or self._batch[0] != (study.study_name, number):
            self._batch = ((study.study_name, number), self._new_batch(history.before(number * _BATCH), number))
        batch = self._batch[1]
        yield from batch[position:]
        yield from batch[:position]

    def _new_batch(self, history: History, number: int) -> Genes:
        """Return two batches, best first: the second replaces what turns out to be in the study already."""
        problem, evaluated = self.problem, [column.evaluated for column in self._columns]
        limits = [problem.budget.limits.get(column.name, np.inf) for column in self._columns]
        corners = [self.space.smallest, self.space.middle, self.space.largest]
        search = GuidedSearch(
            _SpaceGenotype(self.space),
            num_objectives=len(problem.objectives),
            limits=np.array(limits, float),
            surrogates=[partial(problem.surrogate, self.space) if e else None for e in evaluated],
            known=self._known if not all(evaluated) else None,
            corners=self.space.encode(corners),
            initial=min(_INITIAL, max(problem.n_trials // 3, len(corners) + 1)),
        )
        complete = np.array([trial.state == TrialState.COMPLETE for trial in history.trials], bool)
        search.avoid(history.genes)
        if complete.any():
            search.tell(history.genes[complete], self._told(history, complete))
        return search.ask(2 * _BATCH, self.generator(number))

    def _known(self, genes: Genes) -> Floats:
        cheap = self.problem.cheap(genes)
        columns = [np.full(len(genes), np.nan) if c.evaluated else c.sign * cheap[c.name] for c in self._columns]
        return np.stack(columns, axis=1)

    def _told(self, history: History, complete: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Floats:
        """Return ``(n, columns)``: evaluated values from the trials, the others as for any candidate."""
        values = self._known(history.genes[complete])
        trials = [trial for trial, done in zip(history.trials, complete, strict=True) if done]
        for j, column in enumerate(self._columns):
            if column.evaluated and j < len(self.problem.objectives):
                values[:, j] = [column.sign * trial.values[j] for trial in trials]
            elif column.evaluated:
                limit = self.problem.budget.limits[column.name]
                values[:, j] = [(trial.constraints[column.name] + 1.0) * limit for trial in trials]
        return values


def build(space: SearchSpace, *, seed: int, problem: Problem) -> SpaceSampler:
    """Return the sampler."""
    return _Nasweave(space, seed=seed, problem=problem)
