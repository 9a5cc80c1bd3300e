"""The pictures of the report as PNG, 1200 points wide and more, for slides, print and a README."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure

from runs.reports.data import ReportData, ReportedNetwork
from runs.reports.palette import ACCENT, DIM, FAINT, GRID, INK, MUTED, WARN
from runs.reports.summary import LATENCY, baselines, coverage_curves, covered, measured
from runs.reports.units import number, scale
from runs.reports.view import Axis, axes, outside, staircase

__all__ = ["front_png", "hypervolume_png", "predicted_measured_png"]

STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "axes.titleweight": "bold",
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "hatch.linewidth": 0.7,
}


def front_png(data: ReportData) -> bytes:
    """Draw the front over the second objective, with dominated networks, baselines and the budget."""
    with mpl.rc_context(STYLE):
        figure, plot = _plot(8.4, 5.2)
        y, x = data.objectives[:2]
        ax, ay = axes(data, x, y)
        front = data.front
        keys = {n.key for n in front}
        others = [n for n in data.networks if n.source == "search" and n.key not in keys]
        randoms = [n for n in data.of_source("random") if n.key not in keys]
        _budgets(plot, ax, ay)
        for networks, name, look in (
            (randoms, "random search", {"marker": "x", "lw": 0.8, "c": FAINT}),
            (others, "dominated", {"marker": "o", "lw": 0, "c": DIM, "alpha": 0.65}),
        ):
            if networks:
                plot.scatter([ax.of(n) for n in networks], [ay.of(n) for n in networks], s=15, label=name, **look)
        coloured = _front(plot, data, ax, ay)
        if coloured is not None:
            third = data.objectives[2]
            factor, unit = scale((n.objectives[third.name] for n in front), third.unit)
            bar = figure.colorbar(coloured, ax=plot, pad=0.01, format=lambda value, _: number(value / factor))
            bar.set_label(f"{third.label}, {unit}" if unit else third.label)
            bar.outline.set_visible(False)
        for (name, network), marker in zip(baselines(data), "v^s*", strict=False):
            size = 110 if marker == "*" else 58
            plot.scatter(
                ax.of(network), ay.of(network), s=size, marker=marker, fc="white", ec=INK, lw=1.4, label=name, zorder=5
            )
        for key, label in data.labels.items():
            network = data.network(key)
            plot.annotate(
                label, (ax.of(network), ay.of(network)), (14, 20), textcoords="offset points", fontsize=9, zorder=6,
                arrowprops={"arrowstyle": "-", "color": MUTED, "lw": 0.9},
                bbox={"boxstyle": "round,pad=0.2", "fc": "white", "ec": "none", "alpha": 0.85},
            )  # fmt: skip
        plot.set(xlabel=ax.title, ylabel=ay.title, xlim=ax.window, ylim=ay.window)
        plot.set_title(f"{data.task}: {y.label} against {x.label}", pad=44)
        plot.legend(
            loc="lower left",
            bbox_to_anchor=(-0.01, 1.0),
            ncols=4,
            borderaxespad=0.2,
            columnspacing=1.4,
            handletextpad=0.3,
        )
        hidden = outside(data.networks, ax, ay)
        if hidden:
            plot.text(
                1.0,
                1.015,
                f"{hidden} outside of the window",
                transform=plot.transAxes,
                ha="right",
                fontsize=8,
                color=MUTED,
            )
        return _png(figure)


def hypervolume_png(data: ReportData) -> bytes:
    """Draw the hypervolume over evaluations of the search and of random search."""
    with mpl.rc_context(STYLE):
        figure, plot = _plot(8.4, 4.2)
        for curve, colour, dash in zip(coverage_curves(data), (ACCENT, MUTED), ("-", "--"), strict=False):
            steps = range(1, len(curve.share) + 1)
            marker = "o" if len(curve.share) == 1 else ""
            plot.step(steps, curve.share, where="post", color=colour, ls=dash, lw=2, marker=marker, label=curve.name)
        plot.set(xlabel="evaluations", ylabel="hypervolume, share of the box")
        plot.set_ylim(bottom=0)
        plot.set_title("Hypervolume over evaluations")
        if plot.get_legend_handles_labels()[0]:
            plot.legend(loc="lower right")
        return _png(figure)


def predicted_measured_png(data: ReportData) -> bytes:
    """Draw measured over predicted latency with the predictor's intervals, or say that nothing was measured."""
    with mpl.rc_context(STYLE):
        figure, plot = _plot(6.6, 5.6)
        plot.set_title("Latency: predicted and measured")
        networks = measured(data)
        if not networks:
            plot.axis("off")
            plot.text(
                0.5, 0.5, "predicted only: nothing was measured", ha="center", va="center", color=MUTED, fontsize=12
            )
            return _png(figure)
        ends = [v for n in networks for v in (n.latency_measured_ms or 0.0, *n.latency_interval_ms)]
        low, high = min(ends) * 0.94, max(ends) * 1.06
        plot.plot([low, high], [low, high], color=FAINT, lw=1.3, label="equal", zorder=1)
        for inside, name, colour, marker in ((True, "in the interval", ACCENT, "o"), (False, "outside", WARN, "X")):
            some = [n for n in networks if covered(n) == inside]
            if some:
                predicted = [n.latency_predicted_ms for n in some]
                bars = _interval(some)
                plot.errorbar(
                    predicted, [n.latency_measured_ms or 0.0 for n in some], xerr=bars, fmt=marker, ms=6, color=colour,
                    mec="white", mew=0.8, elinewidth=1.1, capsize=2.5, label=name,
                )  # fmt: skip
        plot.set(xlabel="predicted latency, ms", ylabel="measured latency, ms", xlim=(low, high), ylim=(low, high))
        plot.set_aspect("equal")
        plot.legend(loc="upper left")
        return _png(figure)


def _plot(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), dpi=160, layout="constrained", facecolor="white")
    return figure, figure.add_subplot()


def _budgets(plot: Axes, x: Axis, y: Axis) -> None:
    for axis, span, line in ((x, plot.axvspan, plot.axvline), (y, plot.axhspan, plot.axhline)):
        if axis.bound is not None:
            span(axis.bound, axis.far, color=WARN, alpha=0.06, lw=0, zorder=0)
            line(axis.bound, color=WARN, lw=1.3, ls="--", zorder=1, label=f"budget {axis.bound_text}")


def _front(plot: Axes, data: ReportData, x: Axis, y: Axis) -> PathCollection | None:
    """Draw the front; with a third objective its colour, and the points to make a colour bar of."""
    front = data.front
    if not front:
        return None
    xs, ys = [x.of(n) for n in front], [y.of(n) for n in front]
    for axis, name in ((x, "xerr"), (y, "yerr")):
        if axis.objective.name == LATENCY:
            bars = {name: _interval(front)}
            plot.errorbar(xs, ys, fmt="none", ecolor=ACCENT, elinewidth=1, capsize=2.2, alpha=0.55, zorder=3, **bars)
    third = data.objectives[2] if len(data.objectives) > 2 else None
    colours = ACCENT if third is None else [n.objectives[third.name] for n in front]
    points = plot.scatter(
        xs, ys, s=46, c=colours, cmap=None if third is None else "viridis", ec="white", lw=0.8, zorder=4, label="front"
    )
    if third is None and len(front) > 1:
        plot.plot(*staircase(x, y, front), color=ACCENT, lw=1.3, zorder=2)
    again = [n for n in front if n.latency_measured_ms is not None]
    if again and x.objective.name == LATENCY:
        took = [n.latency_measured_ms or 0.0 for n in again]
        plot.scatter(
            took, [y.of(n) for n in again], s=26, marker="D", fc="none", ec=INK, lw=1, zorder=5, label="measured"
        )
    return None if third is None else points


def _interval(networks: Sequence[ReportedNetwork]) -> list[list[float]]:
    return [
        [max(0.0, n.latency_predicted_ms - n.latency_interval_ms[0]) for n in networks],
        [max(0.0, n.latency_interval_ms[1] - n.latency_predicted_ms) for n in networks],
    ]


def _png(figure: Figure) -> bytes:
    buffer = BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
