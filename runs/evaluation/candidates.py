"""The evaluated networks of a run: found again with every value, chosen from, and recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol

from runs.objectives import LATENCY, Budget, Objective, as_measured
from runs.objectives.front import choose, front
from runs.reporter import ProgressCallback
from runs.search import CostFunction, Recorder
from runs.store import Candidate, Store
from search_space import Architecture, SearchSpace
from search_space.errors import BudgetError

__all__ = ["CHOICES", "FoundNetworks", "found_candidates", "record_networks"]

CHOICES = ("knee", "best", "fastest")


@dataclass(frozen=True, kw_only=True)
class FoundNetworks:
    """The evaluated networks of a run.

    Parameters
    ----------
    candidates
        All of them, with every value.
    objectives, budget
        What one chooses by.
    estimates
        What the search's own model takes for the values of an evaluated objective, by its name and by key. Of many
        networks that were evaluated by a few hundred examples, the best one was lucky: a front is chosen by estimates
        where there are any, and shown with the values that were evaluated.
    enough
        The error that simple models reach; a network that is worse is the knee only where all are worse.
    """

    candidates: Sequence[Candidate]
    objectives: Sequence[Objective]
    budget: Budget
    estimates: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    enough: float | None = None

    @cached_property
    def by_key(self) -> Mapping[str, Candidate]:
        """The candidates by key."""
        return {c.key: c for c in self.candidates}

    @cached_property
    def front(self) -> list[Candidate]:
        """The networks within the budget that none dominates, cheapest first."""
        return [self.by_key[c.key] for c in self._estimated_front]

    def choose(self, key: str) -> Candidate:
        """Return the network with that key, or the one of the front that ``auto``, ``knee`` and so on name.

        What was measured again is chosen by its measured latency, as long as that keeps any within the budget.

        Raises
        ------
        BudgetError
            There is no such network, or none within the budget.
        """
        if key in self.by_key:
            return self.by_key[key]
        measured = [_as_measured(c) for c in self._estimated_front if LATENCY.base in (c.final or {})]
        within = any(self.budget.feasible(c.values) for c in measured)
        members = measured if within else self._estimated_front
        return self.by_key[choose(key, members, self.objectives, self.budget, enough=self.enough).key]

    @cached_property
    def chosen(self) -> Mapping[str, Candidate]:
        """The networks of the front that have a name, as far as there are any within the budget."""
        found = {}
        for name in CHOICES:
            try:
                found[name] = self.choose(name)
            except BudgetError:
                continue  # nothing is within the budget; the report says so
        return found

    @cached_property
    def _estimated_front(self) -> list[Candidate]:
        return front([self._estimated(c) for c in self.candidates], self.objectives, self.budget)

    def _estimated(self, candidate: Candidate) -> Candidate:
        own = {name: values[candidate.key] for name, values in self.estimates.items() if candidate.key in values}
        return replace(candidate, values={**candidate.values, **own}) if own else candidate


def _as_measured(candidate: Candidate) -> Candidate:
    assert candidate.final is not None, "it was measured"
    return replace(candidate, values=as_measured(candidate.values, candidate.final))


def found_candidates(store: Store, run_id: int, *, space: SearchSpace, cost_function: CostFunction) -> list[Candidate]:
    """Return the evaluated networks of a run, each with every value that needs no evaluation.

    A run that was searched before a device was named has not recorded its latencies: they are predicted now.
    """
    candidates = store.candidates(run_id, state="complete")
    if not candidates:
        return []
    genes = space.encode([c.architecture for c in candidates])
    columns = cost_function(genes)
    return [
        replace(c, values={**{name: float(column[i]) for name, column in columns.items()}, **c.values})
        for i, c in enumerate(candidates)
    ]


class Evaluate(Protocol):
    """Gives the quality of a network, on all examples with ``whole``."""

    def __call__(self, architecture: Architecture, *, whole: bool) -> dict[str, float]:
        """Return the quality by name of value."""


def record_networks(
    architectures: Sequence[Architecture],
    *,
    space: SearchSpace,
    cost_function: CostFunction,
    evaluate: Evaluate,
    recorder: Recorder,
    progress: ProgressCallback | None = None,
) -> None:
    """Evaluate on all examples, and record, those networks that no search proposed and that the run does not have."""
    recorded = recorder.known()
    new = [architecture for architecture in architectures if architecture.key not in recorded]
    for i, architecture in enumerate(new):
        costs = cost_function(space.encode([architecture]))
        values = {name: float(column[0]) for name, column in costs.items()} | evaluate(architecture, whole=True)
        recorder.add(architecture.key, architecture=architecture, values=values, trial_number=None)
        if progress is not None:
            progress(i + 1, len(new), str(architecture))
