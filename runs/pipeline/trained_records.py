"""Where a search in fidelities keeps what it bought: networks in the database, rounds of training in the study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from runs.objectives import TRAINING_STEPS
from runs.pipeline.context import Context
from runs.profiling.devices import Devices
from runs.search.fidelities.loop import Bought
from runs.search.fidelities.task import Action, Observation
from runs.search.optuna.observations import ObservationStudy
from runs.store.records import ClaimState
from search_space import Architecture, SearchSpace

__all__ = ["RoundsKeeper", "SharedKeeper", "last_trials", "network_of", "record_trained"]


def network_of(space: SearchSpace, genes: tuple[int, ...]) -> Architecture:
    """Return the network that an action names."""
    return space.decode(np.array([genes], np.int16))[0]


def trained_values(
    context: Context, known: Devices, architecture: Architecture, quality: Mapping[str, float], *, steps: int
) -> dict[str, float]:
    """Return all values of a trained network by name."""
    costs = known.costs(context.space.encode([architecture]))
    return {**{name: float(column[0]) for name, column in costs.items()}, **quality, TRAINING_STEPS: float(steps)}


def record_trained(
    context: Context,
    known: Devices,
    architecture: Architecture,
    quality: Mapping[str, float],
    *,
    steps: int,
    source: str = "search",
    trial_number: int | None = None,
) -> dict[str, float]:
    """Keep a network with its latest quality as a candidate of the run; returns all its values by name."""
    values = trained_values(context, known, architecture, quality, steps=steps)
    context.store.put_candidate(
        context.run.id,
        architecture.key,
        architecture=architecture,
        values=values,
        predicted=known.predicted(architecture),
        source=source,
        trial_number=trial_number,
    )
    return values


def last_trials(space: SearchSpace, history: Sequence[Observation | Action]) -> dict[str, int]:
    """Return the last trial of each network of a search, by key."""
    return {
        network_of(space, entry.action.genes).key: number
        for number, entry in enumerate(history)
        if isinstance(entry, Observation)
    }


class RoundsKeeper:
    """Keeps each round first as a candidate, then as a trial: killed in between, the round is found finished."""

    def __init__(self, context: Context, known: Devices, study: ObservationStudy) -> None:
        self._context, self._known, self._study = context, known, study
        self.history = study.history()

    def keep(self, observation: Observation, bought: Bought) -> None:
        """Keep what came of an action."""
        architecture = network_of(self._context.space, observation.action.genes)
        values = record_trained(
            self._context,
            self._known,
            architecture,
            bought.values,
            steps=bought.steps,
            trial_number=self._study.next_number,
        )
        self._study.add(observation, values=values, steps=bought.steps)

    def give_up(self, action: Action, reason: str) -> None:
        """Keep that the training of a network failed."""
        key = network_of(self._context.space, action.genes).key
        self._context.reporter.warning(f"the training of {key} failed: {reason}")
        self._study.give_up(action, reason)


class SharedKeeper:
    """Keeps the rounds of several workers in one study: first the trial, which decides, then the candidate.

    The number of a trial is known only when it is there, for others add trials too.
    """

    def __init__(self, context: Context, known: Devices, study: ObservationStudy) -> None:
        self._context, self._known, self._study = context, known, study
        self.history, self.news = study.history, study.news

    def name(self, action: Action) -> str:
        """Return the network and the steps that it has after a round."""
        return f"{network_of(self._context.space, action.genes).key}@{action.done + action.steps}"

    def state(self, action: Action) -> ClaimState:
        """Return whether a round is kept, given up, or neither."""
        found = self._study.find(action)
        return "running" if found is None else "failed" if found[1] else "complete"

    def keep(self, observation: Observation, bought: Bought) -> None:
        """Keep what came of an action, unless it is kept."""
        context, known, action = self._context, self._known, observation.action
        architecture = network_of(context.space, action.genes)
        if (found := self._study.find(action)) is None:
            values = trained_values(context, known, architecture, bought.values, steps=bought.steps)
            self._study.add(observation, values=values, steps=bought.steps)
            found = self._study.find(action)
        assert found is not None, "it was added"
        record_trained(context, known, architecture, bought.values, steps=bought.steps, trial_number=found[0])

    def give_up(self, action: Action, reason: str) -> None:
        """Keep that the training of a network failed, unless that is kept."""
        if self._study.find(action) is None:
            self._context.reporter.warning(f"the training of {self.name(action)} failed: {reason}")
            self._study.give_up(action, reason)
