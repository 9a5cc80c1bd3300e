"""The loop of a search in fidelities: ask, train, tell, keep; it knows neither networks nor databases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from runs.search.fidelities.search import FidelitySearch
from runs.search.fidelities.task import Action, Observation

__all__ = ["Outcome", "search_fidelities"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What a round of training came to: the error, its standard error, and the processor seconds that it took."""

    error: float
    noise: float = 0.0
    cost: float = 0.0


def search_fidelities(
    search: FidelitySearch,
    *,
    train: Callable[[Action], Outcome],
    keep: Callable[[Observation], None],
    observations: Sequence[Observation] = (),
    over: Callable[[], bool] = lambda: False,
    least_gain: float = 0.0,
) -> FidelitySearch:
    """Search until the time is over or nothing promises enough; returns the search with all that it was told.

    Parameters
    ----------
    train
        Trains the network of an action up to the end of its round. A round that was finished before, but not kept,
        may be found finished.
    keep
        Stores an observation for good, before the next action is asked for.
    observations
        What a killed search kept, in order.
    over
        Whether the time is used up; asked before each action.
    least_gain
        The search also ends when no action is expected to gain so much hypervolume (of logarithms), neighbours of the
        front that differ in one gene included.
    """
    search.resume(observations)
    while not over() and (action := search.ask()) is not None and search.open_gain >= least_gain:
        outcome = train(action)
        keep(search.tell(action, error=outcome.error, noise=outcome.noise, cost=outcome.cost))
    return search
