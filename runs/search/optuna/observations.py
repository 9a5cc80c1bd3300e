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

    def history(self) -> list[Observation | Action]:
        """Return the observations, and the actions that were given up, in the order they were added.

        Raises
        ------
        StoreError
            A trial is not one of a search in fidelities.
        """
        return [self._read(trial) for trial in self._study.get_trials(deepcopy=False)]

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
        detail = {
            "key": self.space.decode(row[None])[0].key,
            "done": action.done,
            "steps": action.steps,
            "planned_at": action.planned_at,
            "donor": None if action.donor is None else list(action.donor),
            "worth": action.worth,
            **outcome,
        }
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

    def _read(self, trial: FrozenTrial) -> Observation | Action:
        row = genes_of(self.space, trial.params)
        try:
            assert row is not None
            detail: Mapping[str, Any] = trial.user_attrs[_ATTRIBUTE]
            donor = detail["donor"]
            action = Action(
                genes=tuple(int(gene) for gene in row),
                done=int(detail["done"]),
                steps=int(detail["steps"]),
                planned_at=int(detail["planned_at"]),
                donor=None if donor is None else tuple(int(gene) for gene in donor),
                worth=float(detail["worth"]),
            )
            if trial.state == TrialState.FAIL:
                return action
            return Observation(
                action=action,
                error=float(detail["error"]),
                noise=float(detail["noise"]),
                cost=float(detail["seconds"]),
            )
        except (AssertionError, KeyError, TypeError, ValueError) as error:
            raise StoreError(
                f"study {self._study.study_name}",
                expected="rounds of training of a search in fidelities",
                got="another trial",
                remedy="choose another name= for this search",
            ) from error
