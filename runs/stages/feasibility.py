"""Before a search starts: what the corners of the space cost, and whether the budget can be met at all."""

from __future__ import annotations

import numpy as np
from rich.table import Table

from runs.objectives import OBJECTIVES, Budget
from runs.reports.units import quantity
from runs.search import Cheap
from search_space import SearchSpace
from search_space.errors import BudgetError

__all__ = ["check_budget", "corner_values", "overview"]

_POPULATION, _GENERATIONS = 2000, 15


def corner_values(space: SearchSpace, cheap: Cheap) -> dict[str, dict[str, float]]:
    """Return every cheap value of the smallest, middle and largest network, by corner and name."""
    corners = {"smallest": space.smallest, "middle": space.middle, "largest": space.largest}
    values = cheap(space.encode(list(corners.values())))
    return {corner: {name: float(column[i]) for name, column in values.items()} for i, corner in enumerate(corners)}


def overview(space: SearchSpace, cheap: Cheap, budget: Budget) -> Table:
    """Return the table that a user sees first."""
    table = Table(title=f"space {space.name}: 10^{space.log10_size:.1f} networks, {len(space.blocks)} distinct blocks")
    for column in ("", "smallest", "middle", "largest", "budget"):
        table.add_column(column, justify="left" if column == "" else "right")
    corners = corner_values(space, cheap)
    for name in corners["smallest"]:
        unit = OBJECTIVES[name].unit
        limit = quantity(budget.limits[name], unit) if name in budget.limits else ""
        table.add_row(OBJECTIVES[name].label, *(quantity(v[name], unit) for v in corners.values()), limit)
    return table


def check_budget(space: SearchSpace, cheap: Cheap, budget: Budget, *, seed: int = 0) -> None:
    """Raise ``BudgetError`` when an evolution that minimises the excess alone finds nothing within the budget.

    Limits on values that ``cheap`` does not give, such as the error, are not checked.
    """
    rng = np.random.default_rng(seed)
    genes = np.concatenate([space.encode([space.smallest]), space.sample_genes(rng, _POPULATION)])
    limits = {name: limit for name, limit in budget.limits.items() if name in cheap(genes[:1])}
    if not limits:
        return
    for _ in range(_GENERATIONS):
        values = cheap(genes)
        excess = np.stack([values[name] / limit - 1 for name, limit in limits.items()])
        total = np.maximum(excess, 0).sum(0)
        best = int(total.argmin())
        if total[best] == 0:
            return
        parents = genes[np.argsort(total, kind="stable")[: _POPULATION // 10]]
        children = space.mutate(np.repeat(parents, 10, axis=0), rng, rate=1.5 / genes.shape[1])
        genes = np.concatenate([parents, children])
    worst = list(limits)[int(excess[:, best].argmax())]
    unit = OBJECTIVES[worst].unit
    found = float(values[worst][best])
    raise BudgetError(
        f"budget.{worst}",
        expected=f"a limit that some network of the space meets (the nearest found has {quantity(found, unit)})",
        got=quantity(limits[worst], unit),
        remedy="raise the limit, or add smaller choices to the space",
    )
