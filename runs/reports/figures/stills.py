"""The pictures of the report as PNG, 1200 points wide and more, for slides, print and a README."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any, Literal

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from runs.reports.data import ReportData, ReportedNetwork
from runs.reports.figures.palette import ACCENT, DIM, FAINT, GRID, INK, MUTED, WARN
from runs.reports.summary import LATENCY, baselines, coverage_curves, covered, measured
from runs.reports.units import number, scale, words
from runs.reports.view import NEAR, Axis, axes, crowd, curve_floor, is_decade, labels, model_lines, outside, staircase

__all__ = ["STYLE", "front_png", "hypervolume_png", "png", "predicted_measured_png", "subplots", "ticks"]

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
_CROWD: dict[str, dict[str, Any]] = {
    "random search": {"s": 15, "marker": "x", "lw": 0.8, "c": FAINT},
    NEAR: {"s": 20, "lw": 0.9, "fc": "white", "ec": ACCENT},
}


def front_png(data: ReportData) -> bytes:
    """Draw the front over the second objective, with dominated networks, baselines and the budget."""
    with mpl.rc_context(STYLE):
        figure, plot = _plot(8.4, 5.2)
        y, x = data.shown[:2]
        ax, ay = axes(data, x, y)
        _budgets(plot, ax, ay)
        for name, networks in crowd(data).items():
            xs, ys = [ax.of(n) for n in networks], [ay.of(n) for n in networks]
            plot.scatter(xs, ys, label=name, **_CROWD.get(name, {"s": 15, "lw": 0, "c": DIM}))
        coloured = _front(plot, data, ax, ay)
        if coloured is not None:
            third = data.shown[2]
            factor, unit = scale((n.objectives[third.name] for n in data.front), third.unit)
            bar = figure.colorbar(coloured, ax=plot, pad=0.01, format=lambda value, _: number(value / factor))
            bar.set_label(f"{third.label}, {unit}" if unit else third.label)
            bar.outline.set_visible(False)
        for (name, network), marker in zip(baselines(data), "v^s*", strict=False):
            size = 110 if marker == "*" else 58
            plot.scatter(
                ax.of(network), ay.of(network), s=size, marker=marker, fc="white", ec=INK, lw=1.4, label=name, zorder=5
            )
        for (name, error), dash in zip(model_lines(data, ay), (":", "-."), strict=False):
            plot.axhline(error, color=MUTED, lw=1.3, ls=dash, label=name, zorder=1)
        for label in labels(data, ax, ay):
            plot.annotate(
                label.text, (ax.of(label.network), ay.of(label.network)), (label.right, label.up), fontsize=9, zorder=6,
                textcoords="offset points", ha="left" if label.right > 0 else "right", va="center",
                arrowprops={"arrowstyle": "-", "color": MUTED, "lw": 0.9, "shrinkB": 4},
                bbox={"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.85},
            )  # fmt: skip
        plot.set(xlabel=ax.title, ylabel=ay.title, xlim=ax.window, ylim=ay.window)
        plot.set_title(f"{data.task}: {words(y.label)} against {words(x.label)}", pad=10)
        ticks(plot, "x", log=ax.log)
        ticks(plot, "y", log=ay.log)
        figure.legend(loc="outside lower center", ncols=5, columnspacing=1.6, handletextpad=0.3)
        hidden = outside(data.networks, ax, ay)
        if hidden:
            note = f"{hidden} networks outside of the window"
            plot.text(1.0, 1.015, note, transform=plot.transAxes, ha="right", fontsize=8, color=MUTED)
        return png(figure)


def hypervolume_png(data: ReportData) -> bytes:
    """Draw the hypervolume over evaluations of the search and of random search."""
    with mpl.rc_context(STYLE):
        figure, plot = _plot(8.4, 4.2)
        curves = coverage_curves(data)
        for curve, colour, dash in zip(curves, (ACCENT, MUTED), ("-", "--"), strict=False):
            steps = range(1, len(curve.share) + 1)
            marker = "o" if len(curve.share) == 1 else ""
            plot.step(steps, curve.share, where="post", color=colour, ls=dash, lw=2, marker=marker, label=curve.name)
        plot.set(xlabel="evaluations", ylabel="hypervolume, share of the box")
        plot.set_ylim(bottom=curve_floor(curves))
        plot.set_title("Hypervolume over evaluations")
        if any(c.share.any() for c in curves):
            plot.legend(loc="lower right")
        else:
            text = "no network within the budget: nothing to count"
            plot.text(0.5, 0.5, text, transform=plot.transAxes, ha="center", va="center", color=MUTED, fontsize=12)
        return png(figure)


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
            return png(figure)
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
        ticks(plot, "x", log=is_decade(ends))
        ticks(plot, "y", log=is_decade(ends))
        plot.set_aspect("equal")
        plot.legend(loc="upper left")
        return png(figure)


def subplots(width: float, height: float, *, columns: int) -> tuple[Figure, tuple[Axes, ...]]:
    """Return a figure of that size in inches and its plots, side by side."""
    figure = Figure(figsize=(width, height), dpi=160, layout="constrained", facecolor="white")
    return figure, tuple(figure.add_subplot(1, columns, i + 1) for i in range(columns))


def _plot(width: float, height: float) -> tuple[Figure, Axes]:
    figure, (plot,) = subplots(width, height, columns=1)
    return figure, plot


def ticks(plot: Axes, name: Literal["x", "y"], *, log: bool) -> None:
    """Give a logarithmic axis plain numbers at 1, 2 and 5."""
    axis = plot.xaxis if name == "x" else plot.yaxis
    if log:
        (plot.set_xscale if name == "x" else plot.set_yscale)("log")
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(lambda value, _: f"{value:g}")
        axis.set_minor_locator(NullLocator())


def _budgets(plot: Axes, x: Axis, y: Axis) -> None:
    if x.bound is not None:
        plot.axvspan(x.bound, x.far, color=WARN, alpha=0.06, lw=0, zorder=0)
        plot.axvline(x.bound, color=WARN, lw=1.3, ls="--", zorder=1)
        left = x.better < 0
        plot.text(
            x.bound, 0.985, f" budget {x.bound_text} ", transform=plot.get_xaxis_transform(), color=WARN, fontsize=8.5,
            ha="left" if left else "right", va="top",
        )  # fmt: skip
    if y.bound is not None:
        plot.axhspan(y.bound, y.far, color=WARN, alpha=0.06, lw=0, zorder=0)
        plot.axhline(y.bound, color=WARN, lw=1.3, ls="--", zorder=1)
        plot.text(
            0.99, y.bound, f"budget {y.bound_text}", transform=plot.get_yaxis_transform(), color=WARN, fontsize=8.5,
            ha="right", va="bottom" if y.better < 0 else "top",
        )  # fmt: skip


def _front(plot: Axes, data: ReportData, x: Axis, y: Axis) -> PathCollection | None:
    """Draw the front; with a third objective its colour, and the points to make a colour bar of."""
    front = data.front
    if not front:
        return None
    xs, ys = [x.of(n) for n in front], [y.of(n) for n in front]
    xerr, yerr = (_interval(front) if axis.objective.name == LATENCY else None for axis in (x, y))
    if xerr or yerr:
        plot.errorbar(
            xs, ys, xerr=xerr, yerr=yerr, fmt="none", ecolor=ACCENT, elinewidth=1, capsize=2.2, alpha=0.55, zorder=3
        )
    third = data.shown[2] if len(data.shown) > 2 else None
    colours = ACCENT if third is None else [n.objectives[third.name] for n in front]
    points = plot.scatter(
        xs, ys, s=46, c=colours, cmap=None if third is None else "viridis", ec="white", lw=0.8, zorder=4, label="front"
    )
    if len(data.objectives) == 2 and len(front) > 1:
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


def png(figure: Figure) -> bytes:
    """Return a figure as a PNG file without a date, so that equal figures are equal files."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
