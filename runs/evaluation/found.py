"""The evaluated networks of a run, and which of them one would choose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from runs.objectives import Budget, Objective
from runs.objectives.front import choose, front
from runs.store import Candidate
from search_space.errors import BudgetError

__all__ = ["CHOICES", "FoundNetworks"]

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
    """

    candidates: Sequence[Candidate]
    objectives: Sequence[Objective]
    budget: Budget
    estimates: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

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

        Raises
        ------
        BudgetError
            There is no such network, or none within the budget.
        """
        if key in self.by_key:
            return self.by_key[key]
        return self.by_key[choose(key, self._estimated_front, self.objectives, self.budget).key]

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
