"""The observations of a search in fidelities in an Optuna study: one complete trial for each round of training.

A network that is trained further has several trials of the same parameters; their attributes say after how many steps.
A training that failed is a failed trial. So the study is only ever added to, and any tool that reads studies shows the
search.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState, create_trial

from runs.objectives import Objective
from runs.search.fidelities.task import Action, Observation
from runs.search.optuna.genes import distributions, genes_of, params_of
from runs.search.optuna.study import REASON
from search_space import SearchSpace
from search_space.errors import StoreError

__all__ = ["ObservationStudy"]

_ATTRIBUTE = "observation"


class ObservationStudy:
    """A study that holds observations.

    Parameters
    ----------
    study
        Opened by :func:`runs.search.optuna.study.open_study`.
    space, objectives
        Of the search.

    Attributes
    ----------
    next_number
        The number of the trial that the next observation gets.
    """

    def __init__(self, study: Study, space: SearchSpace, *, objectives: Sequence[Objective]) -> None:
        self._study, self.space, self.objectives = study, space, objectives
        self._distributions = distributions(space)
        self.next_number = len(study.get_trials(deepcopy=False))
        self._heard = 0

    def history(self) -> list[Observation | Action]:
        """Return the observations, and the actions that were given up, in the order they were added.

        Raises
        ------
        StoreError
            A trial is not one of a search in fidelities.
        """
        return [self._read(trial) for trial in self._study.get_trials(deepcopy=False)]

    def news(self) -> list[Observation | Action]:
        """Return what was added since the last call, by whatever process, in its order; at first, the history."""
        trials = self._study.get_trials(deepcopy=False)
        found = [self._read(trial) for trial in trials[self._heard :]]
        self._heard = len(trials)
        return found

    def find(self, action: Action) -> tuple[int, bool] | None:
        """Return the number of the trial of an action, and whether it was given up; ``None`` where there is none."""
        key = self._key(action)
        for trial in self._study.get_trials(deepcopy=False):
            detail = trial.user_attrs.get(_ATTRIBUTE, {})
            if (detail.get("key"), detail.get("done")) == (key, action.done):
                return trial.number, trial.state == TrialState.FAIL
        return None

    def add(self, observation: Observation, *, values: Mapping[str, float], steps: int) -> int:
        """Keep an observation with the values of its network by name; returns the number of its trial.

        ``steps`` are those that the network has behind it, as tools that read the study shall show them.
        """
        outcome = {"error": observation.error, "noise": observation.noise, "seconds": observation.cost}
        return self._add(
            observation.action,
            outcome,
            state=TrialState.COMPLETE,
            values=[values[objective.name] for objective in self.objectives],
            attributes={"training_steps": steps},
        )

    def give_up(self, action: Action, reason: str) -> int:
        """Keep that the training of a network failed; returns the number of its trial."""
        return self._add(action, {}, state=TrialState.FAIL, values=None, attributes={REASON: reason})

    def _add(
        self,
        action: Action,
        outcome: Mapping[str, float],
        *,
        state: TrialState,
        values: Sequence[float] | None,
        attributes: Mapping[str, Any],
    ) -> int:
        row = np.array(action.genes, np.int16)
        plan = {name: value for name, value in action.to_dict().items() if name != "genes"}
        detail = {"key": self._key(action), **plan, **outcome}
        trial = create_trial(
            state=state,
            params=params_of(self.space, row),
            distributions=dict(self._distributions),
            values=values,
            user_attrs={_ATTRIBUTE: detail, **attributes},
        )
        self._study.add_trial(trial)
        self.next_number += 1
        return self.next_number - 1

    def _key(self, action: Action) -> str:
        return self.space.decode(np.array([action.genes], np.int16))[0].key

    def _read(self, trial: FrozenTrial) -> Observation | Action:
        row = genes_of(self.space, trial.params)
        try:
            if row is None:
                raise ValueError("parameters of another space")
            detail: Mapping[str, Any] = trial.user_attrs[_ATTRIBUTE]
            action = Action.from_dict({**detail, "genes": row})
            if trial.state == TrialState.FAIL:
                return action
            return Observation(
                action=action,
                error=float(detail["error"]),
                noise=float(detail["noise"]),
                cost=float(detail["seconds"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(
                f"study {self._study.study_name}",
                expected="rounds of training of a search in fidelities",
                got="another trial",
                remedy="choose another name= for this search",
            ) from error
