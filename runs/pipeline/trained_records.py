"""Where a search in fidelities keeps what it bought: networks in the database, rounds of training in the study."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from runs.objectives import TRAINING_STEPS
from runs.pipeline.context import Context
from runs.profiling.devices import Devices
from runs.search.fidelities.loop import Bought
from runs.search.fidelities.task import Action, Observation
from runs.search.optuna.observations import ObservationStudy
from search_space import Architecture, SearchSpace

__all__ = ["RoundsKeeper", "network_of", "record_trained"]


def network_of(space: SearchSpace, genes: tuple[int, ...]) -> Architecture:
    """Return the network that an action names."""
    return space.decode(np.array([genes], np.int16))[0]


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
    genes = context.space.encode([architecture])
    costs = {name: float(column[0]) for name, column in known.costs(genes).items()}
    values = {**costs, **quality, TRAINING_STEPS: float(steps)}
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


class RoundsKeeper:
    """Keeps each round first as a candidate, then as a trial: killed in between, the round is found finished.

    Attributes
    ----------
    trials
        The last trial of each network, by key.
    """

    def __init__(self, context: Context, known: Devices, study: ObservationStudy) -> None:
        self._context, self._known, self._study = context, known, study
        self.history = study.history()
        self.trials = {
            network_of(context.space, entry.action.genes).key: number
            for number, entry in enumerate(self.history)
            if isinstance(entry, Observation)
        }

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
        self.trials[architecture.key] = self._study.add(observation, values=values, steps=bought.steps)

    def give_up(self, action: Action, reason: str) -> None:
        """Keep that the training of a network failed."""
        key = network_of(self._context.space, action.genes).key
        self._context.reporter.warning(f"the training of {key} failed: {reason}")
        self._study.give_up(action, reason)
