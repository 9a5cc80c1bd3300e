"""All that is used of Optuna beside its public interface, in small functions: what to look at for a new version.

Tried with Optuna 4.5.0, 4.6.0, 4.7.0, 4.9.0 and 5.0.0. What is private, and why it is needed:

- ``FrozenTrial._trial_id``, for there is no public way from a trial of a study to one that can be finished
  (:func:`running_trial`).
- The key ``fixed_params`` of a waiting trial's system attributes, which holds what was enqueued
  (:func:`enqueued_params`).
- ``RDBStorage._set_trial_param``, from 4.7 on: Optuna writes a transaction, of four statements, for each parameter of a
  trial, and a network has dozens (:func:`database_storage`). Before 4.7 the storage is Optuna's own, which is slower.
- Constraints are public from 5.0 on (``Trial.set_constraint``). Before, they are system attributes that a sampler
  sets from ``constraints_func``; ours are written under the names that 5.0 reads, so that a study survives an upgrade
  (:func:`set_constraints`, :func:`constraints_of`, :func:`complete_trial`, :func:`constraint_options`).

``tests/runs/search/test_private.py`` fails, naming this module, where a version of Optuna has none of these any more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from optuna.distributions import BaseDistribution, check_distribution_compatibility, distribution_to_json
from optuna.storages import RDBStorage
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial
from sqlalchemy import column, table
from sqlalchemy.dialects import postgresql, sqlite

from runs.objectives import Budget

__all__ = [
    "complete_trial",
    "constraint_options",
    "constraints_of",
    "database_storage",
    "enqueued_params",
    "running_trial",
    "set_constraints",
]

_CONSTRAINTS = "constraints"
_PUBLIC_CONSTRAINTS = hasattr(Trial, "set_constraint")
_PARAMS = table(
    "trial_params", column("trial_id"), column("param_name"), column("param_value"), column("distribution_json")
)


def running_trial(study: Study, frozen: FrozenTrial) -> Trial:
    """Return a trial of the study in the form that can be given attributes and be finished."""
    return Trial(study, frozen._trial_id)


def enqueued_params(trial: FrozenTrial) -> Mapping[str, Any]:
    """Return the parameters that a trial was enqueued with, none where it was not."""
    params: Mapping[str, Any] = trial.system_attrs.get("fixed_params", {})
    return params


# ----------------------------------------------------------------- constraints


def set_constraints(trial: Trial, constraints: Mapping[str, float]) -> None:
    """Set the constraints of a trial by name; those that were set before stay."""
    if _PUBLIC_CONSTRAINTS:
        present = trial.constraints
        for name, value in constraints.items():
            if name not in present:
                trial.set_constraint(name, value)
        return
    present = trial.storage.get_trial_system_attrs(trial._trial_id)
    for key, value in _attributes(constraints).items():
        if key not in present:
            trial.storage.set_trial_system_attr(trial._trial_id, key, value)


def constraints_of(trial: FrozenTrial) -> dict[str, float]:
    """Return the constraints of a trial by name."""
    prefix = f"{_CONSTRAINTS}:"
    return {k.removeprefix(prefix): v for k, v in trial.system_attrs.items() if k.startswith(prefix)}


def complete_trial(
    *,
    values: Sequence[float],
    params: dict[str, Any],
    distributions: Mapping[str, BaseDistribution],
    constraints: Mapping[str, float],
    user_attrs: dict[str, Any],
) -> FrozenTrial:
    """Return a complete trial that a study can be given."""
    return create_trial(
        state=TrialState.COMPLETE,
        values=values,
        params=params,
        distributions=dict(distributions),
        user_attrs=user_attrs,
        system_attrs=_attributes(constraints),
    )


def constraint_options(budget: Budget) -> dict[str, Any]:
    """Return what a sampler of Optuna is made with so that it heeds the constraints of trials; 5.0 does so itself."""
    if _PUBLIC_CONSTRAINTS or not budget.limits:
        return {}
    return {"constraints_func": lambda trial: tuple(constraints_of(trial).values())}


def _attributes(constraints: Mapping[str, float]) -> dict[str, Any]:
    named: dict[str, Any] = {f"{_CONSTRAINTS}:{name}": value for name, value in constraints.items()}
    return named if _PUBLIC_CONSTRAINTS else {**named, _CONSTRAINTS: list(constraints.values())}


# -------------------------------------------------------------------- database


def database_storage(url: str, *, engine_kwargs: dict[str, Any]) -> RDBStorage:
    """Return the storage of a database, which writes the parameters of a trial in one transaction."""
    return _ParametersAtOnce(url, engine_kwargs=engine_kwargs)


class _ParametersAtOnce(RDBStorage):
    """Writes the parameters of a trial in one transaction.

    Parameters that this process has not seen before are written one by one, for Optuna then compares their
    distributions with those in the study. The others of a trial are written when all that were seen before have come.
    """

    def __init__(self, url: str, *, engine_kwargs: dict[str, Any]) -> None:
        super().__init__(url, engine_kwargs=engine_kwargs)
        self._names: set[str] = set()
        self._trial: tuple[int, set[str]] = (-1, set())
        self._pending: list[dict[str, Any]] = []
        insert = postgresql.insert if self.engine.dialect.name == "postgresql" else sqlite.insert
        self._insert = insert(_PARAMS).on_conflict_do_nothing()

    def _set_trial_param(
        self,
        trial_id: int,
        param_name: str,
        param_value_internal: float,
        distribution: BaseDistribution,
        previous_distribution: BaseDistribution | None,
    ) -> None:
        if self._trial[0] != trial_id:
            self.write_params()
            self._trial = (trial_id, set())
        self._trial[1].add(param_name)
        if previous_distribution is None:
            super()._set_trial_param(trial_id, param_name, param_value_internal, distribution, None)
            self._names.add(param_name)
            return
        check_distribution_compatibility(previous_distribution, distribution)
        self._pending.append(
            {
                "trial_id": trial_id,
                "param_name": param_name,
                "param_value": param_value_internal,
                "distribution_json": distribution_to_json(distribution),
            }
        )
        if self._names <= self._trial[1]:
            self.write_params()

    def write_params(self) -> None:
        """Write the parameters that are waiting."""
        if self._pending:
            rows, self._pending = self._pending, []
            with self.engine.begin() as connection:
                connection.execute(self._insert, rows)

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        """Set the state of a trial, after its parameters."""
        self.write_params()
        return super().set_trial_state_values(trial_id, state, values)
