"""The front of a run: which evaluated networks nothing dominates, and which of them one would choose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar

import numpy as np

from runs.objectives import Budget, Objective, is_partial
from runs.objectives.pareto import knee, non_dominated
from search_space.errors import BudgetError

__all__ = ["Valued", "best", "choose", "front", "meant", "quality_of", "within_budget"]


class Valued(Protocol):
    """A network with its values by objective name."""

    @property
    def key(self) -> str:
        """Its key."""

    @property
    def values(self) -> Mapping[str, float]:
        """Its values."""


V = TypeVar("V", bound=Valued)


def _minimised(candidates: Sequence[Valued], objectives: Sequence[Objective]) -> np.ndarray:
    return np.array([[o.sign * c.values[o.name] for o in objectives] for c in candidates])


def front(candidates: Sequence[V], objectives: Sequence[Objective], budget: Budget) -> list[V]:
    """Return the non-dominated candidates within the budget, cheapest first; all that there are if none is within it.

    Two networks of equal values stand on the front once; one that was evaluated on a part of the examples does not.
    """
    whole = [c for c in candidates if not is_partial(c.values)]
    within = [c for c in whole if budget.feasible(c.values)] or whole
    if not within:
        return []
    values = _minimised(within, objectives)
    _, first = np.unique(values, axis=0, return_index=True)
    keep = set(first.tolist()) & set(np.flatnonzero(non_dominated(values)).tolist())
    return [within[i] for i in sorted(keep, key=lambda i: values[i, ::-1].tolist())]


def within_budget(candidates: Sequence[V], budget: Budget) -> list[V]:
    """Return the candidates within the budget that were evaluated on all examples; raises where none is."""
    within = [c for c in candidates if budget.feasible(c.values) and not is_partial(c.values)]
    if not within:
        raise BudgetError(
            "budget",
            expected="a limit that a found network meets",
            got="none within it",
            remedy="search longer or raise it",
        )
    return within


def quality_of(objectives: Sequence[Objective]) -> Objective:
    """Return the objective that says how good a network is: the first that needs an evaluation, or else the first."""
    return next((o for o in objectives if o.evaluated), objectives[0])


def best(candidates: Sequence[V], objectives: Sequence[Objective]) -> V:
    """Return the candidate of the best quality."""
    quality = quality_of(objectives)
    return min(candidates, key=lambda c: quality.sign * c.values[quality.name])


def meant(key: str, budget: Budget) -> str:
    """Return a key, with what a user most likely wants for ``auto``: the best within a budget, the knee without one."""
    if key != "auto":
        return key
    return "best" if budget.limits else "knee"


def choose(
    key: str, members: Sequence[V], objectives: Sequence[Objective], budget: Budget, *, enough: float | None = None
) -> V:
    """Return the front network that ``key`` names: a key, ``knee``, ``best``, ``fastest`` or ``auto``.

    ``best`` has the best quality; ``fastest`` has the least of the first objective that is a time, of the latency where
    none is, or else of the last objective; all within the budget. ``knee`` is that of the networks whose error is
    ``enough`` or less, of all where none has it. ``auto`` is what :func:`meant` says.
    """
    key = meant(key, budget)
    for member in members:
        if member.key == key:
            return member
    if key == "knee":
        within = within_budget(members, budget)
        error = quality_of(objectives).name
        within = [c for c in within if enough is None or c.values[error] <= enough] or within
        return within[knee(_minimised(within, objectives))]
    if key == "best":
        return best(within_budget(members, budget), objectives)
    if key == "fastest":
        times = [o.name for o in objectives if o.unit == "ms"] or ["latency_ms"]
        return min(within_budget(members, budget), key=lambda c: c.values.get(times[0], c.values[objectives[-1].name]))
    raise BudgetError(
        "key",
        expected="auto, knee, best, fastest or the key of an evaluated network",
        got=repr(key),
        remedy="take a key from report/front.csv",
    )
