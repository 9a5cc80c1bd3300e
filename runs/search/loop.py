"""The search itself: ask for a network, evaluate it, record it, tell the study; killed at any point, it continues.

A network is recorded first and its trial finished second. So after a kill the study has at most one trial that is
running: if its network was recorded, the trial is finished from the record; if not, it fails and is tried once more.
Several processes share a search by :mod:`runs.search.workers.claims_loop`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack

from optuna.trial import Trial, TrialState

from predictors.quality import QualityPredictor
from runs.objectives import Objective, objectives_by_name
from runs.search.algorithms.ask_tell import Surrogate
from runs.search.config import SearchConfig, SearchResult
from runs.search.optuna.fork import begin_with
from runs.search.optuna.sampler import SAMPLERS, CostFunction, Problem
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
from runs.search.recorder import Recorder
from runs.search.workers.claims_loop import SharedSearch, WorkerGroup, at_work
from runs.search.workers.session import (
    DUPLICATE_OF,
    DUPLICATES_IN_A_ROW,
    FAILURES_IN_A_ROW,
    Evaluate,
    SearchError,
    Session,
)
from search_space import Architecture, Genes, SearchSpace
from search_space.errors import ConfigError, StoreError

__all__ = ["DUPLICATE_OF", "Evaluate", "SearchError", "run_search"]

_log = logging.getLogger("nasweave.runs")


def run_search(
    space: SearchSpace,
    *,
    config: SearchConfig,
    cost_function: CostFunction,
    study_name: str,
    objectives: Sequence[Objective] | None = None,
    evaluate: Evaluate | None = None,
    deviation: CostFunction | None = None,
    recorder: Recorder | None = None,
    storage_url: str | None = None,
    identity: Mapping[str, str] | None = None,
    start: Mapping[Architecture, Mapping[str, float]] | None = None,
    worker_group: WorkerGroup | None = None,
    surrogate: Callable[[SearchSpace], Surrogate] = QualityPredictor,
    progress: Callable[[int, int, str], None] | None = None,
) -> SearchResult:
    """Search until ``config.n_trials`` networks are evaluated, or resume such a search.

    Without a ``crew`` one process at a time may run a search; trials that another one left running are taken for dead.

    Parameters
    ----------
    cheap
        From a gene matrix ``(n, genes)`` to ``(n,)`` values by name, for all that needs no evaluation.
    objectives
        Those of ``config`` in the units of the task; as every task has them when ``None``.
    evaluate
        The evaluated values of a network by name, or its validation error in percent alone, asked of every network,
        objective or not. An exception fails the trial, and the search goes on.
    deviation
        From a gene matrix to the standard deviations ``(n,)`` of those cheap values that are predicted, by name.
    recorder
        Keeps each network before its trial is finished.
    storage_url
        Database of Optuna's tables; in memory when ``None``.
    identity
        Hashes of all that the values depend on (checkpoint, data, profile); checked on resume.
    start
        Evaluated values by name of networks that another search evaluated: this one begins with them and counts them.
    crew
        The workers that share the search, this process among them; it needs a recorder and a database then.
    surrogate
        Makes the model of the validation error for samplers that use one.
    progress
        Called with the networks done, those wanted and a message.

    Raises
    ------
    StoreError
        The stored study is of another search, another worker has another version, or the database fails.
    SearchError
        Five evaluations failed in a row.
    ConfigError
        A value is asked for that neither ``cheap`` nor ``evaluate`` gives.
    """
    problem = Problem(
        objectives=tuple(objectives or objectives_by_name(config.objectives)),
        budget=config.budget,
        cost_function=cost_function,
        n_trials=config.n_trials,
        surrogate=surrogate,
        deviation=deviation,
    )
    _check_sources(space, problem, evaluate)
    described = {
        "space": space.fingerprint,
        "objectives": list(config.objectives),
        "budget": dict(sorted(config.budget.limits.items())),
        **(identity or {}),
    }
    with ExitStack() as stack:
        stack.enter_context(quiet_optuna())
        stack.enter_context(storage_errors(storage_url))
        if worker_group is not None:
            stack.enter_context(at_work(worker_group, described))
        sampler = SAMPLERS[config.sampler](space, seed=config.seed, problem=problem)
        study = stack.enter_context(
            open_study(
                url=storage_url, name=study_name, sampler=sampler, objectives=problem.objectives, identity=described
            )
        )
        begin_with(study, space, problem=problem, networks=start or {}, recorder=recorder)
        search: _Search | SharedSearch
        if worker_group is None:
            search = _Search(space, problem, study, evaluate, recorder)
            search.resume()
        else:
            assert recorder is not None and storage_url is not None, "workers share a record and a database"
            search = SharedSearch(
                space, problem, study, evaluate, recorder, worker_group=worker_group, storage_url=storage_url
            )
        exhausted = search.run(progress or (lambda done, total, message: None))
        return search.result(exhausted)


def _check_sources(space: SearchSpace, problem: Problem, evaluate: Evaluate | None) -> None:
    given = set(problem.cost_function(space.encode([space.smallest])))
    for objective in (*problem.objectives, *problem.budget.objectives):
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

    def run(self, progress: Callable[[int, int, str], None]) -> bool:
        """Evaluate until enough networks are done; return whether the space ran out of networks before that."""
        total, networks = self.problem.n_trials, round(10.0 ** min(self.space.log10_size, 15.0))
        failures = duplicates = 0
        progress(len(self.done), total, "search")
        while len(self.done) < total:
            untried = networks - len(self.done.keys() | self.failed.keys())
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
            try:
                values = self.recorded[key] if key in self.recorded else self.evaluate(architecture)
            except StoreError:  # the database, which has nothing to do with this network
                raise
            except Exception as error:  # whatever an evaluation raises is that network's failure
                failures += 1
                self._failed(trial, key, error)
                if failures == FAILURES_IN_A_ROW:
                    raise SearchError(
                        "search",
                        expected="evaluations that work",
                        got=f"{failures} failures in a row, the last: {error!r}",
                        remedy="mend the cause and repeat the command: it continues where it stopped",
                    ) from error
                continue
            failures = 0
            self._complete(trial, row, architecture, values)
            progress(len(self.done), total, self.line(self.done[key].values))
        return False

    def _complete(self, trial: Trial, row: Genes, architecture: Architecture, values: Mapping[str, float]) -> None:
        everything = {**self.cost_function(row), **values}
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

    def _failed(self, trial: Trial, key: str, error: Exception) -> None:
        _log.warning("trial %d failed: %r", trial.number, error)
        self.failures += 1
        self.failed[key] = trial.number
        fail(self.study, trial, repr(error)[:500])
