"""How the front is looked at: what lies on an axis, in which unit, and which window shows what matters.

A few dominated networks are often far worse than the rest. The window covers the front, the baselines and the budget;
points beyond it are outside until the reader zooms out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from runs.reports.data import Objective, ReportData, ReportedNetwork
from runs.reports.summary import LATENCY, baselines
from runs.reports.units import quantity, scale

__all__ = ["Axis", "axes", "outside", "staircase"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Axis:
    """One axis: ``window`` is what it shows at first, ``far`` the infeasible end of all values, in the axis' unit."""

    objective: Objective
    title: str
    factor: float
    window: tuple[float, float]
    bound: float | None
    bound_text: str
    far: float

    def of(self, network: ReportedNetwork) -> float:
        """Return the value of a network in the unit of the axis."""
        return network.objectives[self.objective.name] / self.factor


def axes(data: ReportData, x: Objective, y: Objective) -> tuple[Axis, Axis]:
    """Return the two axes of a picture of the front."""
    return _axis(data, x), _axis(data, y)


def outside(networks: Sequence[ReportedNetwork], *axes: Axis) -> int:
    """Return how many networks the windows do not show."""
    return sum(any(not a.window[0] <= a.of(n) <= a.window[1] for a in axes) for n in networks)


def staircase(x: Axis, y: Axis, front: Sequence[ReportedNetwork]) -> tuple[list[float], list[float]]:
    """Return the corners of the border between what the front dominates and what it does not."""
    points = sorted((x.objective.sign * x.of(n), y.objective.sign * y.of(n)) for n in front)
    xs, ys = [], []
    for i, (px, py) in enumerate(points):
        if i:
            xs.append(px)
            ys.append(points[i - 1][1])
        xs.append(px)
        ys.append(py)
    return [x.objective.sign * v for v in xs], [y.objective.sign * v for v in ys]


def _axis(data: ReportData, objective: Objective) -> Axis:
    name = objective.name
    values = np.array([n.objectives[name] for n in data.networks])
    shown = [n.objectives[name] for n in (*data.front, *(n for _, n in baselines(data)))] or values.tolist()
    if name == LATENCY:
        shown += [v for n in data.front for v in n.latency_interval_ms]
        shown += [n.latency_measured_ms for n in data.front if n.latency_measured_ms is not None]
    bound = data.budget.get(name)
    if bound is not None:
        shown.append(bound)
    low, high = min(shown), max(shown)
    margin = (high - low) * 0.08 or abs(high) * 0.1 or 1.0
    factor, unit = scale(shown, objective.unit)
    title = f"{objective.label}, {unit}" if unit else objective.label
    start = low - margin if low < 0 else max(low - margin, -0.02 * (high + margin))
    far = max(values.max(), high) + margin if objective.sign > 0 else min(values.min(), low) - margin
    return Axis(
        objective=objective,
        title=f"{title} ({'lower' if objective.sign > 0 else 'higher'} is better)",
        factor=factor,
        window=(start / factor, (high + margin) / factor),
        bound=None if bound is None else bound / factor,
        bound_text="" if bound is None else quantity(bound, objective.unit),
        far=float(far) / factor,
    )
