"""The loop of a search in fidelities: ask for training, buy it, keep what came of it; it knows no networks."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from runs.search.errors import FAILURES_IN_A_ROW, failures_in_a_row
from runs.search.fidelities.search import FidelitySearch
from runs.search.fidelities.task import Action, Observation
from search_space.errors import NasweaveError

__all__ = ["Bought", "Keeper", "buy_training"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Bought:
    """What a round of training came to.

    Parameters
    ----------
    error, noise
        What is searched for, lower is better, and its standard error.
    values
        All that is known of the network's quality, by name.
    steps
        Of training that the network has behind it.
    """

    error: float
    noise: float
    values: Mapping[str, float]
    steps: int


class Keeper(Protocol):
    """Keeps what a search bought, before it asks for more."""

    def keep(self, observation: Observation, bought: Bought) -> None:
        """Keep what came of an action."""

    def give_up(self, action: Action, reason: str) -> None:
        """Keep that the training of a network failed."""


def buy_training(
    search: FidelitySearch,
    *,
    train: Callable[[Sequence[Action]], Sequence[Bought | NasweaveError]],
    keeper: Keeper,
    seconds: float,
    most: int,
    progress: Callable[[float], None] = lambda spent: None,
) -> None:
    """Search until the time is spent, ``most`` rounds are bought, or nothing is left to buy.

    Parameters
    ----------
    search
        With what it bought before, whose time counts.
    train
        Buys what was decided together, at once; what was bought before the process was killed, but not kept, is found
        finished. Returns what came of each, or why it failed.
    progress
        Called with the seconds spent.

    Raises
    ------
    SearchError
        Five trainings failed in a row.
    """
    lost, failures = 0.0, 0  # seconds of trainings that failed, and their number in a row

    def spent() -> float:
        """Return what a later call finds in the records: a search that is over must stay so."""
        return sum(o.cost for o in search.observations) + lost

    while spent() < seconds and len(search.observations) < most:
        begin = time.monotonic()
        actions = search.ask_batch(most - len(search.observations))
        if not actions:
            return
        results = train(actions)
        each = (time.monotonic() - begin) / len(actions)
        for action, result in zip(actions, results, strict=True):
            if isinstance(result, NasweaveError):
                failures, lost = failures + 1, lost + each
                search.give_up(action)
                keeper.give_up(action, str(result))
                if failures == FAILURES_IN_A_ROW:
                    raise failures_in_a_row(result) from result
                continue
            failures = 0
            keeper.keep(search.tell(action, error=result.error, noise=result.noise, cost=each), result)
        progress(spent())
