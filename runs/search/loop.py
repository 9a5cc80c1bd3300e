"""The search itself: ask for a network, evaluate it, record it, tell the study; killed at any point, it continues.

A network is recorded first and its trial finished second. So after a kill the study has at most one trial that is
running: if its network was recorded, the trial is finished from the record; if not, it fails and is tried once more.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from optuna.study import Study
from optuna.trial import Trial, TrialState

from predictors.quality import QualityPredictor
from runs.objectives import objectives_by_name
from runs.search.config import Evaluated, SearchConfig, SearchResult
from runs.search.genes import distributions, genes_of, params_of_trial
from runs.search.guided import Surrogate
from runs.search.recorder import Recorder
from runs.search.sampler import SAMPLERS, Cheap, Problem
from runs.search.study import RETRY_OF, fail, finish, interrupted, open_study, quiet_optuna, retry, storage_errors
from search_space import Architecture, Genes, SearchSpace
from search_space.errors import ConfigError, NasweaveError

__all__ = ["DUPLICATE_OF", "SearchError", "run_search"]

DUPLICATE_OF = "duplicate_of"
_FAILURES_IN_A_ROW = 5
_DUPLICATES_IN_A_ROW = 20
_log = logging.getLogger("nasweave.runs")


class SearchError(NasweaveError):
    """A search that cannot go on."""


def run_search(
    space: SearchSpace,
    *,
    config: SearchConfig,
    cheap: Cheap,
    study_name: str,
    evaluate: Callable[[Architecture], float] | None = None,
    recorder: Recorder | None = None,
    storage_url: str | None = None,
    identity: Mapping[str, str] | None = None,
    surrogate: Callable[[SearchSpace], Surrogate] = QualityPredictor,
    progress: Callable[[int, int, str], None] | None = None,
) -> SearchResult:
    """Search until ``config.n_trials`` networks are evaluated, or resume such a search.

    One process at a time may run a search; trials that another one left running are taken for dead.

    Parameters
    ----------
    cheap
        From a gene matrix ``(n, genes)`` to ``(n,)`` values by name, for all that needs no evaluation.
    evaluate
        The validation error of a network, in percent, asked of every network, objective or not. An exception fails the
        trial, and the search goes on.
    recorder
        Keeps each network before its trial is finished.
    storage_url
        Database of Optuna's tables; in memory when ``None``.
    identity
        Hashes of all that the values depend on (checkpoint, data, profile); checked on resume.
    surrogate
        Makes the model of the validation error for samplers that use one.
    progress
        Called with the networks done, those wanted and a message.

    Raises
    ------
    StoreError
        The stored study is of another search, or the database fails.
    SearchError
        Five evaluations failed in a row.
    ConfigError
        A value is asked for that neither ``cheap`` nor ``evaluate`` gives.
    """
    problem = Problem(
        objectives=objectives_by_name(config.objectives),
        budget=config.budget,
        cheap=cheap,
        n_trials=config.n_trials,
        surrogate=surrogate,
    )
    _check_sources(space, problem, evaluate)
    described = {
        "space": space.fingerprint,
        "objectives": list(config.objectives),
        "budget": dict(sorted(config.budget.limits.items())),
        **(identity or {}),
    }
    with quiet_optuna(), storage_errors(storage_url):
        sampler = SAMPLERS[config.sampler](space, seed=config.seed, problem=problem)
        with open_study(
            url=storage_url, name=study_name, sampler=sampler, objectives=problem.objectives, identity=described
        ) as study:
            search = _Search(space, problem, study, evaluate, recorder)
            search.resume()
            exhausted = search.run(progress or (lambda done, total, message: None))
            return search.result(exhausted)


def _check_sources(space: SearchSpace, problem: Problem, evaluate: Callable[[Architecture], float] | None) -> None:
    given = set(problem.cheap(space.encode([space.smallest])))
    for objective in (*problem.objectives, *problem.budget.objectives):
        if (evaluate is None) if objective.evaluated else (objective.name not in given):
            raise ConfigError(
                f"objectives.{objective.name}",
                expected="an objective that this search can compute",
                got="no evaluation" if objective.evaluated else f"only {', '.join(sorted(given))}",
                remedy="leave it out, or provide what it needs, such as a device profile",
            )


class _Search:
    """The state of one search: which networks are done, by key, and which failed."""

    def __init__(
        self,
        space: SearchSpace,
        problem: Problem,
        study: Study,
        evaluate: Callable[[Architecture], float] | None,
        recorder: Recorder | None,
    ) -> None:
        self.space, self.problem, self.study = space, problem, study
        self.evaluate, self.recorder = evaluate, recorder
        self.recorded: dict[str, Mapping[str, float]] = {}
        self.done: dict[str, Evaluated] = {}
        self.failed: dict[str, int] = {}
        self.failures = 0

    def resume(self) -> None:
        """Read the study and the record, and finish or queue again what was interrupted."""
        if self.recorder is not None:
            self.recorded.update(self.recorder.known())
        for frozen in self.study.get_trials(deepcopy=False, states=[TrialState.COMPLETE, TrialState.FAIL]):
            row = genes_of(self.space, params_of_trial(frozen))
            self.failures += frozen.state == TrialState.FAIL
            if row is None or DUPLICATE_OF in frozen.user_attrs:
                continue
            architecture = self.space.decode(row[None])[0]
            if frozen.state == TrialState.FAIL:
                self.failed[architecture.key] = frozen.number
                continue
            told = dict(zip((o.name for o in self.problem.objectives), frozen.values, strict=True))
            for name, excess in frozen.constraints.items():
                told.setdefault(name, (excess + 1.0) * self.problem.budget.limits[name])
            values = {**self._cheap(row), **told, **self.recorded.get(architecture.key, {})}
            self._keep(frozen.number, architecture, values)
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
            if duplicates == _DUPLICATES_IN_A_ROW or (untried <= 0 and not waiting):
                _log.warning("the space has no further network: the search ends after %d", len(self.done))
                return True
            trial = self.study.ask(dict(distributions(self.space)))
            row = genes_of(self.space, trial.params)
            assert row is not None, "every parameter was asked for"
            architecture = self.space.decode(row[None])[0]
            key = architecture.key
            if key in self.done or (key in self.failed and RETRY_OF not in trial.user_attrs):
                duplicates += 1
                self._repeat(trial, key)
                continue
            duplicates = 0
            try:
                values = self.recorded[key] if key in self.recorded else self._evaluate(architecture)
            except Exception as error:  # whatever an evaluation raises is that network's failure
                failures += 1
                self._failed(trial, key, error)
                if failures == _FAILURES_IN_A_ROW:
                    raise SearchError(
                        "search",
                        expected="evaluations that work",
                        got=f"{failures} failures in a row, the last: {error!r}",
                        remedy="mend the cause and repeat the command: it continues where it stopped",
                    ) from error
                continue
            failures = 0
            self._complete(trial, row, architecture, values)
            progress(len(self.done), total, _line(self.done[key], self.problem))
        return False

    def result(self, exhausted: bool) -> SearchResult:
        """Return what was found."""
        return SearchResult(
            study_name=self.study.study_name,
            objectives=self.problem.objectives,
            evaluated=tuple(sorted(self.done.values(), key=lambda e: e.trial_number)),
            failed=self.failures,
            exhausted=exhausted,
        )

    def _cheap(self, row: Genes) -> dict[str, float]:
        return {name: float(np.asarray(values)[0]) for name, values in self.problem.cheap(row[None]).items()}

    def _evaluate(self, architecture: Architecture) -> dict[str, float]:
        if self.evaluate is None:
            return {}
        error = float(self.evaluate(architecture))
        if not math.isfinite(error):
            raise ValueError(f"the validation error is {error}")
        return {"validation_error": error}

    def _complete(self, trial: Trial, row: Genes, architecture: Architecture, values: Mapping[str, float]) -> None:
        everything = {**self._cheap(row), **values}
        self._keep(trial.number, architecture, everything)
        finish(
            self.study,
            trial,
            values=[everything[o.name] for o in self.problem.objectives],
            constraints=self.problem.budget.constraints(everything),
        )

    def _keep(self, number: int, architecture: Architecture, values: Mapping[str, float]) -> None:
        key = architecture.key
        if self.recorder is not None and key not in self.recorded:
            self.recorder.add(key, architecture=architecture, values=values, trial_number=number)
        self.recorded[key] = values
        self.failed.pop(key, None)
        self.done[key] = Evaluated(
            key=key,
            architecture=architecture,
            values=values,
            feasible=self.problem.budget.feasible(values),
            trial_number=number,
        )

    def _repeat(self, trial: Trial, key: str) -> None:
        """Finish a trial whose network was evaluated, or failed, before."""
        if key not in self.done:
            self.failures += 1
            fail(self.study, trial, f"failed before, in trial {self.failed[key]}")
            return
        first = self.done[key]
        trial.set_user_attr(DUPLICATE_OF, first.trial_number)
        finish(
            self.study,
            trial,
            values=[first.values[o.name] for o in self.problem.objectives],
            constraints=self.problem.budget.constraints(first.values),
        )

    def _failed(self, trial: Trial, key: str, error: Exception) -> None:
        _log.warning("trial %d failed: %r", trial.number, error)
        self.failures += 1
        self.failed[key] = trial.number
        fail(self.study, trial, repr(error)[:500])


def _line(network: Evaluated, problem: Problem) -> str:
    values: list[Any] = [f"{o.name} {network.values[o.name]:.4g}{o.unit and ' '}{o.unit}" for o in problem.objectives]
    return ", ".join(values)
