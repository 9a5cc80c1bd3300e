"""The Optuna study of a search: opened or resumed, checked to be the same search, and repaired after a kill."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import optuna
from optuna.exceptions import ExperimentalWarning, StorageInternalError
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import Trial, TrialState
from sqlalchemy.exc import DBAPIError

from runs.objectives import Objective
from runs.search.optuna.genes import genes_of, params_of, params_of_trial
from runs.search.optuna.private import enqueued_params, running_trial, set_constraints
from runs.search.optuna.storage import open_storage
from runs.store.failures import clear_errors
from runs.store.secrets import redacted_url
from search_space import Genes, SearchSpace
from search_space.errors import StoreError

__all__ = [
    "REASON",
    "RETRY_OF",
    "fail",
    "finish",
    "interrupted",
    "open_study",
    "quiet_optuna",
    "retry",
    "storage_errors",
]

REASON, RETRY_OF = "reason", "retry_of"
_IDENTITY = "nasweave"


@contextmanager
def quiet_optuna() -> Iterator[None]:
    """Keep Optuna's own log to warnings, and restore its level afterwards."""
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(level)


@contextmanager
def storage_errors(url: str | None) -> Iterator[None]:
    """Raise ``StoreError`` for what Optuna's database raises."""
    try:
        yield
    except (StorageInternalError, DBAPIError) as error:
        cause = error.__cause__ if isinstance(error.__cause__, DBAPIError) else error
        with clear_errors(redacted_url(url or "memory")):
            raise cause from error


@contextmanager
def open_study(
    *,
    url: str | None,
    name: str,
    sampler: BaseSampler | None,
    objectives: Sequence[Objective],
    identity: Mapping[str, Any],
) -> Iterator[Study]:
    """Create the study, or load it when it exists; its connections are closed on leaving.

    ``sampler`` is ``None`` for a study that is never asked for a network.

    Raises
    ------
    StoreError
        The stored study is of another search: one of ``identity`` differs.
    """
    with open_storage(url) as storage:
        study = optuna.create_study(
            storage=storage,
            study_name=name,
            sampler=sampler,
            directions=[objective.direction for objective in objectives],
            load_if_exists=True,
        )
        stored = study.user_attrs.get(_IDENTITY)
        if stored is None and not study.get_trials(deepcopy=False):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ExperimentalWarning)
                study.set_metric_names([objective.name for objective in objectives])
            study.set_user_attr(_IDENTITY, dict(identity))
        else:
            _check_identity(name, stored or {}, identity)
        yield study


def _check_identity(name: str, stored: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    for key in sorted({*stored, *given}):
        before, now = stored.get(key), given.get(key)
        if before != now:
            raise StoreError(
                f"study {name}",
                expected=f"the {key} it was started with ({before})",
                got=str(now),
                remedy="choose another name or a fresh folder for another search",
            )


def finish(study: Study, trial: Trial, *, values: Sequence[float], constraints: Mapping[str, float]) -> None:
    """Complete a trial, if it is not; constraints that a killed process had set already stay."""
    set_constraints(trial, constraints)
    study.tell(trial, values, skip_if_finished=True)


def fail(study: Study, trial: Trial, reason: str) -> None:
    """Mark a trial as failed and say why."""
    trial.set_user_attr(REASON, reason)
    study.tell(trial, state=TrialState.FAIL, skip_if_finished=True)


def interrupted(study: Study, space: SearchSpace) -> list[tuple[Trial, Genes]]:
    """Return the trials that a killed process left running, with their gene rows; those without one just fail."""
    found = []
    for frozen in study.get_trials(deepcopy=False, states=[TrialState.RUNNING]):
        trial, row = running_trial(study, frozen), genes_of(space, params_of_trial(frozen))
        if row is None:
            fail(study, trial, "the process ended before a network was chosen")
        else:
            found.append((trial, row))
    return found


def retry(study: Study, space: SearchSpace, trial: Trial, row: Genes) -> None:
    """Fail an interrupted trial and queue its network once more, unless it was interrupted for the second time."""
    frozen = next(t for t in study.get_trials(deepcopy=False) if t.number == trial.number)
    began = genes_of(space, frozen.params) is not None
    if began and RETRY_OF in frozen.user_attrs:
        fail(study, trial, "the process ended during its evaluation, twice")
        return
    params = params_of(space, row)
    # Queued first: a kill in between leaves the trial running, and the next resume finds it queued.
    waiting = study.get_trials(deepcopy=False, states=[TrialState.WAITING])
    if all(enqueued_params(t) != params for t in waiting):
        study.enqueue_trial(params, user_attrs={RETRY_OF: trial.number} if began else dict(frozen.user_attrs))
    fail(study, trial, "the process ended during its evaluation")
