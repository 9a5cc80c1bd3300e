"""The fronts of several runs laid over each other, and their hypervolumes: for the page and as a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import combinations
from typing import Any

import matplotlib as mpl

from runs.objectives import Objective
from runs.reports.comparison import ComparedNetwork, Comparison
from runs.reports.figures.figure import LOG, blank_figure, plain_figure
from runs.reports.figures.palette import MUTED, run_colours
from runs.reports.figures.stills import STYLE, png, subplots, ticks
from runs.reports.units import quantity, scale, words
from runs.reports.view import is_decade, steps

__all__ = ["comparison_png", "curve_figure", "front_figures"]

_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "star", "pentagon", "hexagon")
_MARKERS = "osD^P*ph"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Axis:
    objective: Objective
    factor: float
    title: str
    log: bool

    def of(self, networks: Sequence[ComparedNetwork]) -> list[float]:
        return [n.values[self.objective.name] / self.factor for n in networks]


def _axis(data: Comparison, objective: Objective) -> _Axis:
    values = [n.values[objective.name] for run in data.runs for n in data.front(run)]
    factor, unit = scale(values, objective.unit)
    sign = "lower" if objective.sign > 0 else "higher"
    return _Axis(
        objective=objective,
        factor=factor,
        title=f"{objective.label}{f', {unit}' if unit else ''} ({sign} is better)",
        log=bool(values) and not objective.evaluated and is_decade(values),
    )


def _pairs(data: Comparison) -> list[tuple[Objective, Objective]]:
    quality = next((o for o in data.objectives if o.evaluated), data.objectives[0])
    ordered = (quality, *(o for o in data.objectives if o != quality))
    return list(combinations(ordered, 2)) or [(quality, quality)]


def front_figures(data: Comparison) -> dict[str, dict[str, Any]]:
    """Return an interactive figure for each pair of objectives by its title."""
    figures = {}
    for y, x in _pairs(data):
        ax, ay = _axis(data, x), _axis(data, y)
        figure = blank_figure(ax.title, ay.title)
        for i, (run, colour) in enumerate(zip(data.runs, run_colours(len(data.runs)), strict=True)):
            front = data.front(run)
            if len(data.objectives) == 2 and len(front) > 1:
                xs, ys = steps(ax.of(front), ay.of(front), signs=(x.sign, y.sign))
                line = {"color": colour, "width": 1.3}
                figure.add_scatter(
                    x=xs, y=ys, mode="lines", line=line, hoverinfo="skip", showlegend=False, legendgroup=run.name
                )
            figure.add_scatter(
                x=ax.of(front),
                y=ay.of(front),
                mode="markers",
                name=escape(run.name),
                legendgroup=run.name,
                marker={"color": colour, "size": 9, "symbol": _SYMBOLS[i % len(_SYMBOLS)], "line": {"width": 0}},
                hovertext=[_hover(data, run.name, n) for n in front],
                hoverinfo="text",
            )
        for axis, update in ((ax, figure.update_xaxes), (ay, figure.update_yaxes)):
            if axis.log:
                update(**LOG)
        figures[f"{words(y.label)} against {words(x.label)}"] = plain_figure(figure)
    return figures


def curve_figure(data: Comparison) -> dict[str, Any]:
    """Return the hypervolume over evaluations of every run."""
    figure = blank_figure("evaluations", "share of the common box")
    for (name, share), colour in zip(data.curves().items(), run_colours(len(data.runs)), strict=True):
        figure.add_scatter(
            x=list(range(1, len(share) + 1)),
            y=share.tolist(),
            name=escape(name),
            mode="lines" if len(share) > 1 else "markers",
            line={"color": colour, "width": 2.2, "shape": "hv"},
            hovertemplate="%{x} evaluations: %{y:.3f}<extra>" + escape(name) + "</extra>",
        )
    return plain_figure(figure)


def comparison_png(data: Comparison) -> bytes:
    """Draw the fronts over the first cost, and the hypervolumes beside them."""
    with mpl.rc_context(STYLE):
        figure, (left, right) = subplots(12.4, 5.2, columns=2)
        y, x = _pairs(data)[0]
        ax, ay = _axis(data, x), _axis(data, y)
        curves, colours = data.curves(), run_colours(len(data.runs))
        for i, (run, colour) in enumerate(zip(data.runs, colours, strict=True)):
            front, marker = data.front(run), _MARKERS[i % len(_MARKERS)]
            if len(data.objectives) == 2 and len(front) > 1:
                left.plot(*steps(ax.of(front), ay.of(front), signs=(x.sign, y.sign)), color=colour, lw=1.2, zorder=2)
            left.scatter(ax.of(front), ay.of(front), s=30, marker=marker, c=colour, lw=0, label=run.name, zorder=3)
            share = curves[run.name]
            label = f"{run.name}: {share[-1]:.3f}"
            right.step(range(1, len(share) + 1), share, where="post", color=colour, lw=1.8, label=label)
        ticks(left, "x", log=ax.log)
        ticks(left, "y", log=ay.log)
        left.set(xlabel=ax.title, ylabel=ay.title)
        left.set_title(f"{data.task}: fronts of {len(data.runs)} runs", pad=10)
        left.legend(loc="best")
        right.set(xlabel="evaluations", ylabel="hypervolume, share of the common box")
        right.set_title("Hypervolume over evaluations", pad=10)
        ends = [float(share[-1]) for share in curves.values()]
        early = [float(share[len(share) // 8]) for share in curves.values()]
        right.set_ylim(bottom=max(0.0, min(early) - 0.6 * (max(ends) - min(early)) - 0.01))
        right.legend(loc="lower right")
        if not math.isfinite(sum(ends)) or not any(ends):
            right.text(0.5, 0.5, "no network within a budget", transform=right.transAxes, ha="center", color=MUTED)
        return png(figure)


def _hover(data: Comparison, run: str, network: ComparedNetwork) -> str:
    values = (f"{words(o.label)}: {quantity(network.values[o.name], o.unit)}" for o in data.objectives)
    return "<br>".join([f"<b>{network.key}</b> of {escape(run)}", escape(network.mixers), *values])
