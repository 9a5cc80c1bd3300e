"""The search itself: ask for a network, evaluate it, record it, tell the study; killed at any point, it continues.

A network is recorded first and its trial finished second. So after a kill the study has at most one trial that is
running: if its network was recorded, the trial is finished from the record; if not, it fails and is tried once more.
Several processes share a search by :mod:`runs.search.workers.claims_loop`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial

from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import Trial, TrialState

from runs.search.config import SearchResult
from runs.search.errors import SearchError
from runs.search.optuna.fork import begin_with
from runs.search.optuna.study import (
    RETRY_OF,
    fail,
    finish,
    interrupted,
    open_study,
    quiet_optuna,
    retry,
    storage_errors,
)
from runs.search.problem import Problem
from runs.search.recorder import StudyRecord
from runs.search.registry import build_sampler
from runs.search.workers.claims_loop import SharedSearch
from runs.search.workers.group import WorkerGroup, at_work
from runs.search.workers.patience import Patience
from runs.search.workers.session import (
    DUPLICATE_OF,
    DUPLICATES_IN_A_ROW,
    Evaluate,
    Progress,
    Session,
)
from search_space import Architecture, Genes, SearchSpace
from search_space.errors import ConfigError

__all__ = ["DUPLICATE_OF", "Evaluate", "SearchError", "run_search"]

_log = logging.getLogger("nasweave.runs")


def run_search(
    space: SearchSpace,
    *,
    problem: Problem,
    sampler: BaseSampler | None = None,
    evaluate: Evaluate | None = None,
    record: StudyRecord | None = None,
    start: Mapping[Architecture, Mapping[str, float]] | None = None,
    worker_group: WorkerGroup | None = None,
    progress: Progress | None = None,
) -> SearchResult:
    """Search until ``problem.n_trials`` networks are evaluated, or resume such a search.

    Without a ``worker_group`` one process at a time may run a search; trials that another one left running are taken
    for dead.

    Parameters
    ----------
    problem
        What is optimised, under which limits, for how long.
    sampler
        A sampler of Optuna, such as :func:`~runs.search.build_sampler` makes; the ``nasweave`` sampler when ``None``.
    evaluate
        The evaluated values of a network by name, or its validation error in percent alone, asked of every network,
        objective or not. An exception fails the trial, and the search goes on.
    record
        Where the search is kept; in memory when ``None``.
    start
        Evaluated values by name of networks that another search evaluated: this one begins with them and counts them.
    worker_group
        The workers that share the search, this process among them; ``record`` has a recorder and a database then.
    progress
        Called with the networks done, those wanted and a message.

    Raises
    ------
    StoreError
        The stored study is of another search, another worker has another version, or the database fails.
    SearchError
        Five evaluations failed in a row.
    ConfigError
        A value is asked for that neither the cost function nor ``evaluate`` gives.
    """
    record, progress = record or StudyRecord(), progress or (lambda done, total, message: None)
    _check_sources(space, problem, evaluate)
    identity = {
        "space": space.fingerprint,
        "objectives": [objective.name for objective in problem.objectives],
        "budget": dict(sorted(problem.budget.limits.items())),
        **record.identity,
    }
    with ExitStack() as stack:
        stack.enter_context(quiet_optuna())
        stack.enter_context(storage_errors(record.storage_url))
        if worker_group is not None:
            stack.enter_context(at_work(worker_group, identity))

        def opened() -> Study:
            with storage_errors(record.storage_url):
                return stack.enter_context(
                    open_study(
                        url=record.storage_url,
                        name=record.name,
                        sampler=sampler or build_sampler("nasweave", space, problem=problem),
                        objectives=problem.objectives,
                        identity=identity,
                    )
                )

        study = opened() if worker_group is None else Patience(worker_group.config.patience_s)(opened)
        begin_with(study, space, problem=problem, networks=start or {}, recorder=record.recorder)
        if worker_group is None:
            alone = _Search(space, problem, study, evaluate, record.recorder)
            alone.resume()
            return alone.result(alone.run(progress))
        assert record.recorder is not None and record.storage_url is not None, "workers share a record and a database"
        together = SharedSearch(
            space,
            problem,
            study,
            evaluate,
            record.recorder,
            worker_group=worker_group,
            storage_url=record.storage_url,
            progress=progress,
        )
        return together.result(together.run())


def _check_sources(space: SearchSpace, problem: Problem, evaluate: Evaluate | None) -> None:
    given = set(problem.cost_function(space.encode([space.smallest])))
    for objective in problem.columns:
        if (evaluate is None) if objective.evaluated else (objective.name not in given):
            raise ConfigError(
                f"objectives.{objective.name}",
                expected="an objective that this search can compute",
                got="no evaluation" if objective.evaluated else f"only {', '.join(sorted(given))}",
                remedy="leave it out, or provide what it needs, such as a device profile",
            )


class _Search(Session):
    """A search by this process alone."""

    def resume(self) -> None:
        """Read the study and the record, and finish or queue again what was interrupted."""
        self.read()
        for trial, row in interrupted(self.study, self.space):
            architecture = self.space.decode(row[None])[0]
            if architecture.key in self.done:
                self._repeat(trial, architecture.key)
            elif architecture.key in self.recorded:
                self._complete(trial, row, architecture, self.recorded[architecture.key])
            else:
                retry(self.study, self.space, trial, row)
                self.failures += 1

    def run(self, progress: Progress) -> bool:
        """Evaluate until enough networks are done; return whether the space ran out of networks before that."""
        total, duplicates = self.problem.n_trials, 0
        progress(len(self.done), total, "search")
        while len(self.done) < total:
            untried = self.num_networks - len(self.done.keys() | self.failed.keys())
            waiting = self.study.get_trials(deepcopy=False, states=[TrialState.WAITING])
            if duplicates == DUPLICATES_IN_A_ROW or (untried <= 0 and not waiting):
                _log.warning("the space has no further network: the search ends after %d", len(self.done))
                return True
            trial, row, architecture = self.ask()
            key = architecture.key
            if key in self.done or (key in self.failed and RETRY_OF not in trial.user_attrs):
                duplicates += 1
                self._repeat(trial, key)
                continue
            duplicates = 0
            values = self.attempt(trial, architecture, give_up=partial(self._give_up, trial, key))
            if values is not None:
                self._complete(trial, row, architecture, values)
                progress(len(self.done), total, self.line(self.done[key].values))
        return False

    def _complete(self, trial: Trial, row: Genes, architecture: Architecture, values: Mapping[str, float]) -> None:
        everything = {**self.costs(row), **values}
        self.keep(trial.number, architecture, everything)
        constraints = self.problem.budget.constraints(everything)
        finish(self.study, trial, values=self.objective_values(everything), constraints=constraints)

    def _repeat(self, trial: Trial, key: str) -> None:
        """Finish a trial whose network was evaluated, or failed, before."""
        if key not in self.done:
            self.failures += 1
            fail(self.study, trial, f"failed before, in trial {self.failed[key]}")
            return
        first = self.done[key]
        trial.set_user_attr(DUPLICATE_OF, first.trial_number)
        constraints = self.problem.budget.constraints(first.values)
        finish(self.study, trial, values=self.objective_values(first.values), constraints=constraints)

    def _give_up(self, trial: Trial, key: str, reason: str) -> None:
        """Fail a trial whose network could not be evaluated."""
        self.failures += 1
        self.failed[key] = trial.number
        fail(self.study, trial, reason)
