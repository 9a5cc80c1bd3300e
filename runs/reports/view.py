"""How the front is looked at: what lies on an axis, in which unit and scale, and which window shows what matters.

A few dominated networks are often far worse than the rest. The window covers the front, the baselines and the budget;
points beyond it are outside until the reader zooms out, and so is what has so much error that nobody would take it. A
cost that spans a decade and an error that is a share have a logarithmic axis.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from runs.objectives import Objective
from runs.reports.data import ReportData, ReportedNetwork
from runs.reports.summary import LATENCY, Curve, bare_error, baselines
from runs.reports.units import bound_text, scale

__all__ = [
    "NEAR",
    "Axis",
    "Label",
    "axes",
    "crowd",
    "curve_floor",
    "is_decade",
    "labels",
    "model_lines",
    "outside",
    "staircase",
    "steps",
    "useful_error",
]


NEAR = "within noise of the front"


@dataclass(frozen=True, kw_only=True, slots=True)
class Axis:
    """One axis: ``window`` is what it shows at first, ``far`` the infeasible end of all values, in the axis' unit."""

    objective: Objective
    title: str
    factor: float
    log: bool
    window: tuple[float, float]
    bound: float | None
    bound_text: str
    far: float

    def of(self, network: ReportedNetwork) -> float:
        """Return the value of a network in the unit of the axis."""
        return network.objectives[self.objective.name] / self.factor

    def place(self, value: float) -> float:
        """Return where a value of the axis lies in the window, 0 to 1."""
        low, high = (math.log(v) if self.log else v for v in self.window)
        return ((math.log(value) if self.log else value) - low) / (high - low)

    @property
    def better(self) -> int:
        """Direction on the page in which values get better."""
        return -1 if self.objective.sign > 0 else 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Label:
    """The name of a chosen network and how far from its point it stands, in points, rightwards and upwards."""

    network: ReportedNetwork
    text: str
    right: float
    up: float


def axes(data: ReportData, x: Objective, y: Objective) -> tuple[Axis, Axis]:
    """Return the two axes of a picture of the front."""
    return _axis(data, x), _axis(data, y)


def is_decade(values: Sequence[float]) -> bool:
    """Whether values span a factor of ten or more, all of them positive."""
    return min(values) > 0 and max(values) >= 10 * min(values)


def labels(data: ReportData, x: Axis, y: Axis) -> list[Label]:
    """Return the labels of the chosen networks, on the empty side of the front, staggered where it is crowded."""
    out: list[Label] = []
    for key, text in data.labels.items():
        network = data.network(key)
        place = x.place(x.of(network))
        at_edge = place < 0.3 if x.better < 0 else place > 0.7
        near = sum(abs(place - x.place(x.of(other.network))) < 0.15 for other in out)
        right = 14.0 * (-x.better if at_edge else x.better)
        out.append(Label(network=network, text=text, right=right, up=y.better * (20 + 14 * near)))
    return out


def crowd(data: ReportData) -> dict[str, list[ReportedNetwork]]:
    """Return the networks that are not on the front by what they are called, random search first."""
    keys = {n.key for n in data.front}
    others = [n for n in data.networks if n.source == "search" and n.key not in keys and not n.near_front]
    near = list({n.key: n for n in data.networks if n.near_front}.values())
    name = "dominated" if all(n.feasible for n in others) else "dominated or over budget"
    random = [n for n in data.of_source("random") if n.key not in keys and not n.near_front]
    groups = {"random search": random, name: others, NEAR: near}
    return {name: networks for name, networks in groups.items() if networks}


def outside(networks: Sequence[ReportedNetwork], *axes: Axis) -> int:
    """Return how many networks the windows do not show."""
    return sum(any(not a.window[0] <= a.of(n) <= a.window[1] for a in axes) for n in networks)


def model_lines(data: ReportData, y: Axis) -> list[tuple[str, float]]:
    """Return the simple models whose error lies in the window of an axis of errors: names with values, and heights."""
    if y.objective.metric is None or y.objective.name != data.quality.name:
        return []
    low, high = y.window
    models = sorted(data.simple_models, key=lambda m: m.validation_error)
    return [
        (f"{m.name}, {bare_error(data, m.validation_error)}", m.validation_error / y.factor)
        for m in models
        if low <= m.validation_error / y.factor <= high
    ]


def staircase(x: Axis, y: Axis, front: Sequence[ReportedNetwork]) -> tuple[list[float], list[float]]:
    """Return the corners of the border between what the front dominates and what it does not."""
    signs = (x.objective.sign, y.objective.sign)
    return steps([x.of(n) for n in front], [y.of(n) for n in front], signs=signs)


def steps(xs: Sequence[float], ys: Sequence[float], *, signs: tuple[float, float]) -> tuple[list[float], list[float]]:
    """Return the corners of the staircase through the points of a front; ``signs`` make both values minimised."""
    points = sorted((signs[0] * px, signs[1] * py) for px, py in zip(xs, ys, strict=True))
    corners: list[tuple[float, float]] = []
    for i, (px, py) in enumerate(points):
        if i:
            corners.append((px, points[i - 1][1]))
        corners.append((px, py))
    return [signs[0] * px for px, _ in corners], [signs[1] * py for _, py in corners]


def curve_floor(curves: Sequence[Curve]) -> float:
    """Return where an axis of hypervolumes begins, so that the ends of the curves can be told apart."""
    early = [float(c.share[len(c.share) // 16]) for c in curves]
    late = [float(c.share[-1]) for c in curves]
    if not early:
        return 0.0
    return max(0.0, min(early) - 0.6 * (max(late) - min(early)) - 0.01)


def useful_error(data: ReportData) -> float:
    """Return the error above which nobody would take a network: infinity where no picture can tell.

    That is three times the error of the best simple model (of the best of the front without one), where errors are
    shares, but never less than the error of a network that the report names.
    """
    quality = data.quality
    if not _is_share(quality) or not data.front:
        return math.inf
    model = data.simple_model
    least = min(n.objectives[quality.name] for n in data.front)
    named = {key for label, key in data.chosen.items() if not label.startswith("fastest")} | {data.exported or ""}
    return max(
        3 * max(least, least if model is None else model.validation_error),
        *(n.objectives[quality.name] for n in data.networks if n.key in named),
    )


def _is_share(objective: Objective) -> bool:
    return objective.metric is not None and objective.metric.is_share and objective.direction == "minimize"


def _is_useful(data: ReportData, network: ReportedNetwork) -> bool:
    return network.objectives[data.quality.name] <= useful_error(data) or not _is_share(data.quality)


def _useful(data: ReportData) -> list[ReportedNetwork]:
    return [n for n in data.front if _is_useful(data, n)]


def _axis(data: ReportData, objective: Objective) -> Axis:
    name = objective.name
    values = [n.objectives[name] for n in data.networks]
    useful = _useful(data)
    shown = [n.objectives[name] for n in (*useful, *(n for _, n in baselines(data) if _is_useful(data, n)))]
    if name == LATENCY:
        shown += [v for n in useful for v in n.latency_interval_ms]
        shown += [n.latency_measured_ms for n in useful if n.latency_measured_ms is not None]
    if objective is data.quality and objective.metric is not None:
        shown += [m.validation_error for m in data.simple_models if m.validation_error <= useful_error(data)]
    shown = shown or list(values)
    bound = data.budget.get(name)
    if bound is not None:
        shown.append(bound)
    low, high = min(shown), max(shown)
    log = min(*values, low) > 0 and (_is_share(objective) if objective is data.quality else is_decade(shown))
    below = 2 if objective is data.quality and objective.sign > 0 else 1  # there the names of the best networks stand
    above = 2 if objective is data.quality and objective.sign < 0 else 1
    if log:
        ratio = max((high / low) ** 0.08, 1.02)
        window, far = (low / ratio**below, high * ratio**above), max(*values, high) * ratio
        near = min(*values, low) / ratio
    else:
        margin = (high - low) * 0.1 or abs(high) * 0.1 or 1.0
        window, far = (low - below * margin, high + above * margin), max(*values, high) + margin
        near = min(*values, low) - margin
    factor, unit = scale(shown, objective.unit)
    title = f"{objective.label}, {unit}" if unit else objective.label
    return Axis(
        objective=objective,
        title=f"{title} ({'lower' if objective.sign > 0 else 'higher'} is better)",
        factor=factor,
        log=log,
        window=(window[0] / factor, window[1] / factor),
        bound=None if bound is None else bound / factor,
        bound_text="" if bound is None else bound_text(bound, objective.unit),
        far=(far if objective.sign > 0 else near) / factor,
    )
