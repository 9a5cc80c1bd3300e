"""Before a search starts: what the corners of the space cost, and whether the budget can be met at all."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from runs.objectives import Budget, objective_named
from runs.reporter import Table
from runs.reports.units import quantity, words
from runs.search import CostFunction
from runs.search.algorithms.feasible import nearest_to_limits
from search_space import SearchSpace
from search_space.errors import BudgetError

__all__ = ["check_budget", "corner_values", "overview"]


def corner_values(space: SearchSpace, cost_function: CostFunction) -> dict[str, dict[str, float]]:
    """Return every value that needs no evaluation of the smallest, middle and largest network, by corner and name."""
    corners = {"smallest": space.smallest, "middle": space.middle, "largest": space.largest}
    values = cost_function(space.encode(list(corners.values())))
    return {corner: {name: float(column[i]) for name, column in values.items()} for i, corner in enumerate(corners)}


def overview(space: SearchSpace, corners: Mapping[str, Mapping[str, float]], budget: Budget) -> Table:
    """Return the table that a user sees first: what the corners of the space cost, and the budget."""
    rows = []
    for name in corners["smallest"]:
        unit = objective_named(name).unit
        limit = quantity(budget.limits[name], unit) if name in budget.limits else ""
        rows.append((objective_named(name).label, *(quantity(v[name], unit) for v in corners.values()), limit))
    title = f"space {space.name}: 10^{space.log10_size:.1f} networks, {len(space.blocks)} distinct blocks"
    return Table(title=title, columns=("", *corners, "budget"), rows=tuple(rows))


def check_budget(space: SearchSpace, cost_function: CostFunction, budget: Budget, *, seed: int = 0) -> None:
    """Refuse limits that nothing in the space meets, before anything long begins.

    Limits on values that ``cost_function`` does not give, such as the error, are not checked.

    Raises
    ------
    BudgetError
        An evolution that minimises the excess alone finds no network within a limit, or, where each limit can be met
        alone, within all of them; the line names a smallest set of limits that contradict each other.
    """
    given = cost_function(space.encode([space.smallest]))
    limits = {name: limit for name, limit in budget.limits.items() if name in given}
    if _nearest(space, cost_function, limits, seed=seed) is None:
        return
    for name in limits:
        nearest = _nearest(space, cost_function, {name: limits[name]}, seed=seed)
        if nearest is not None:
            raise BudgetError(
                f"budget.{name}",
                expected=f"a limit that some network of the space meets (the nearest found has {_text(nearest)})",
                got=_text({name: limits[name]}),
                remedy="raise the limit, or add smaller choices to the space",
            )
    for name in list(limits):  # what is left contradicts itself, and each limit of it is needed for that
        fewer = {other: limit for other, limit in limits.items() if other != name}
        if _nearest(space, cost_function, fewer, seed=seed) is not None:
            limits = fewer
    nearest = _nearest(space, cost_function, limits, seed=seed)
    raise BudgetError(
        ", ".join(f"budget.{name}" for name in limits),
        expected=f"limits that one network meets (each is met alone; the nearest to all found has {_text(nearest)})",
        got=_text(limits),
        remedy="raise one of these limits, which contradict each other in this space",
    )


def _nearest(
    space: SearchSpace, cost_function: CostFunction, limits: Mapping[str, float], *, seed: int
) -> dict[str, float] | None:
    """Return the limited values of the network of the least excess that was found; ``None`` when one meets them all."""
    if not limits:
        return None
    row, within = nearest_to_limits(space, cost_function=cost_function, limits=limits, rng=np.random.default_rng(seed))
    values = cost_function(row[None])
    return None if within else {name: float(values[name][0]) for name in limits}


def _text(values: Mapping[str, float] | None) -> str:
    named = ((objective_named(name), value) for name, value in (values or {}).items())
    return " and ".join(f"{words(o.label)} {quantity(value, o.unit)}" for o, value in named)
