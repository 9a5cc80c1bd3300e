"""The interactive figures of the page, as Plotly's plain dictionaries: hover, zoom, legends that switch traces."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from itertools import combinations
from typing import Any

import plotly.graph_objects as go

from runs.objectives import Objective
from runs.reports.data import ReportData, ReportedNetwork
from runs.reports.figures.figure import LOG, blank_figure, plain_figure
from runs.reports.figures.palette import ACCENT, DIM, FAINT, INK, MUTED, WARN
from runs.reports.summary import (
    LATENCY,
    baselines,
    coverage_curves,
    covered,
    doubtful_text,
    error_text,
    gap_text,
    measured,
    metric_names,
)
from runs.reports.units import label_of, quantity, scale, words
from runs.reports.view import NEAR, Axis, axes, crowd, curve_floor, is_decade, labels, model_lines, staircase

__all__ = ["front_figures", "hypervolume_figure", "predicted_measured_figure", "training_figure"]


def front_figures(data: ReportData) -> dict[str, dict[str, Any]]:
    """Return a figure for each pair of objectives by its title; with more than two, the colour shows another one."""
    figures = {}
    for y, x in combinations(data.shown, 2):
        rest = [o for o in data.shown if o not in (x, y)]
        figures[f"{words(y.label)} against {words(x.label)}"] = _front(data, x, y, rest[0] if rest else None)
    return figures


def hypervolume_figure(data: ReportData) -> dict[str, Any] | None:
    """Return the hypervolume over evaluations of the search and of random search, nothing where all of it is zero."""
    curves = coverage_curves(data)
    if not any(c.share.any() for c in curves):
        return None
    figure = blank_figure("evaluations", "hypervolume, share of the box")
    for curve, colour, dash in zip(curves, (ACCENT, MUTED), ("solid", "dash"), strict=False):
        figure.add_scatter(
            x=list(range(1, len(curve.share) + 1)),
            y=curve.share.tolist(),
            name=curve.name,
            mode="lines" if len(curve.share) > 1 else "markers",
            line={"color": colour, "width": 2.5, "dash": dash, "shape": "hv"},
            hovertemplate="%{x} evaluations: %{y:.3f}<extra>" + escape(curve.name) + "</extra>",
        )
    top = max(float(c.share.max()) for c in curves)
    figure.update_yaxes(range=[curve_floor(curves), top + 0.08 * (top - curve_floor(curves))])
    return plain_figure(figure)


def predicted_measured_figure(data: ReportData) -> dict[str, Any] | None:
    """Return measured over predicted latency with intervals and the line of equality; nothing without measurements."""
    networks = measured(data)
    if not networks:
        return None
    figure = blank_figure("predicted latency, ms", "measured latency, ms")
    ends = [v for n in networks for v in (n.latency_measured_ms or 0.0, *n.latency_interval_ms)]
    low, high = min(ends) * 0.94, max(ends) * 1.06
    figure.add_scatter(
        x=[low, high], y=[low, high], mode="lines", name="equal", line={"color": FAINT, "width": 1.5}, hoverinfo="skip"
    )
    for inside, name, colour, symbol in ((True, "in the interval", ACCENT, "circle"), (False, "outside", WARN, "x")):
        some = [n for n in networks if covered(n) == inside]
        if some:
            figure.add_scatter(
                x=[n.latency_predicted_ms for n in some],
                y=[n.latency_measured_ms for n in some],
                mode="markers",
                name=name,
                marker={"color": colour, "size": 9, "symbol": symbol},
                error_x=_interval(some, colour),
                hovertext=[_hover(data, n) for n in some],
                hoverinfo="text",
            )
    log = is_decade(ends)
    window = [math.log10(low), math.log10(high)] if log else [low, high]
    figure.update_xaxes(range=window, **(LOG if log else {}))
    figure.update_yaxes(range=window, **(LOG if log else {}))
    return plain_figure(figure)


def training_figure(data: ReportData) -> dict[str, Any] | None:
    """Return the training loss over steps, nothing where there is none."""
    if not data.training_curve:
        return None
    figure = blank_figure("step", "training loss")
    steps, losses = zip(*data.training_curve, strict=True)
    figure.add_scatter(
        x=list(steps),
        y=list(losses),
        mode="lines",
        line={"color": ACCENT, "width": 1.8},
        hovertemplate="%{x}: %{y:.4g}",
    )
    figure.update_layout(margin={"t": 30})
    return plain_figure(figure)


def _front(data: ReportData, x: Objective, y: Objective, colour: Objective | None) -> dict[str, Any]:
    ax, ay = axes(data, x, y)
    figure = blank_figure(ax.title, ay.title)
    front = data.front
    _budget(figure, ax, vertical=True)
    _budget(figure, ay, vertical=False)
    looks = {
        "random search": {"color": FAINT, "size": 6, "symbol": "x-thin-open"},
        NEAR: {"color": "white", "size": 7, "line": {"color": ACCENT, "width": 1.2}},
    }
    for name, networks in crowd(data).items():
        _points(figure, data, ax, ay, networks, name, looks.get(name, {"color": DIM, "size": 6, "opacity": 0.65}))
    if len(data.objectives) == 2 and len(front) > 1:
        xs, ys = staircase(ax, ay, front)
        figure.add_scatter(
            x=xs, y=ys, mode="lines", line={"color": ACCENT, "width": 1.5}, hoverinfo="skip", showlegend=False
        )
    marker: dict[str, Any] = {"color": ACCENT, "size": 10, "line": {"color": "white", "width": 1}}
    if colour is not None:
        factor, unit = scale((n.objectives[colour.name] for n in front), colour.unit)
        title = f"{colour.label}, {unit}" if unit else colour.label
        marker |= {
            "color": [n.objectives[colour.name] / factor for n in front],
            "colorscale": "Viridis",
            "colorbar": {"title": {"text": title, "side": "right"}, "thickness": 12, "outlinewidth": 0},
        }
    bar_x, bar_y = (_interval(front, ACCENT) if o.name == LATENCY else None for o in (x, y))
    _points(figure, data, ax, ay, front, "front", marker, error_x=bar_x, error_y=bar_y)
    _remeasured(figure, data, ax, ay, x, y)
    for (name, network), symbol in zip(
        baselines(data), ("triangle-down", "triangle-up", "square", "star"), strict=False
    ):
        style = {"color": "white", "size": 12, "symbol": symbol, "line": {"color": INK, "width": 1.8}}
        _points(figure, data, ax, ay, [network], name, style)
    _simple_models(figure, data, ax, ay)
    for label in labels(data, ax, ay):
        figure.add_annotation(
            x=_at(ax, ax.of(label.network)), y=_at(ay, ay.of(label.network)), text=escape(label.text), showarrow=True,
            arrowhead=0, arrowcolor=MUTED, ax=1.4 * label.right, ay=-1.4 * label.up, standoff=5,
            font={"size": 12, "color": INK}, bgcolor="rgba(255,255,255,0.85)",
            xanchor="left" if label.right > 0 else "right",
        )  # fmt: skip
    for axis, update in ((ax, figure.update_xaxes), (ay, figure.update_yaxes)):
        update(range=[_at(axis, v) for v in axis.window], **(LOG if axis.log else {}))
    return plain_figure(figure)


def _simple_models(figure: go.Figure, data: ReportData, ax: Axis, ay: Axis) -> None:
    """Draw the validation error of simple models as lines over the picture; they have no latency of the device."""
    for (name, error), dash in zip(model_lines(data, ay), ("dot", "dashdot"), strict=False):
        figure.add_scatter(
            x=list(ax.window),
            y=[error, error],
            mode="lines",
            name=escape(name),
            line={"color": MUTED, "width": 1.6, "dash": dash},
            hovertemplate=escape(name) + "<extra></extra>",
        )


def _at(axis: Axis, value: float) -> float:
    """Return a value as Plotly wants it in ranges and annotations: its logarithm on a logarithmic axis."""
    return math.log10(value) if axis.log else value


def _budget(figure: go.Figure, axis: Axis, *, vertical: bool) -> None:
    """Draw the bound of an axis and shade what lies beyond; shapes take plain values on a logarithmic axis."""
    if axis.bound is None:
        return
    line = {"color": WARN, "width": 1.5, "dash": "dash"}
    note = {"text": f"budget {axis.bound_text}", "font": {"color": WARN, "size": 12}, "showarrow": False}
    low, high = sorted((axis.bound, axis.far))
    if vertical:
        figure.add_shape(
            type="rect", yref="paper", y0=0, y1=1, x0=low, x1=high, fillcolor=WARN, opacity=0.06, line_width=0
        )
        figure.add_shape(type="line", yref="paper", y0=0, y1=1, x0=axis.bound, x1=axis.bound, line=line)
        side = "left" if axis.better < 0 else "right"
        figure.add_annotation(x=_at(axis, axis.bound), y=1, yref="paper", xanchor=side, yanchor="top", **note)
    else:
        figure.add_shape(
            type="rect", xref="paper", x0=0, x1=1, y0=low, y1=high, fillcolor=WARN, opacity=0.06, line_width=0
        )
        figure.add_shape(type="line", xref="paper", x0=0, x1=1, y0=axis.bound, y1=axis.bound, line=line)
        side = "bottom" if axis.better < 0 else "top"
        figure.add_annotation(y=_at(axis, axis.bound), x=1, xref="paper", xanchor="right", yanchor=side, **note)


def _remeasured(figure: go.Figure, data: ReportData, ax: Axis, ay: Axis, x: Objective, y: Objective) -> None:
    networks = [n for n in measured(data) if n.on_front]
    if LATENCY not in (x.name, y.name) or not networks:
        return
    took = [n.latency_measured_ms for n in networks]
    figure.add_scatter(
        x=took if x.name == LATENCY else [ax.of(n) for n in networks],
        y=took if y.name == LATENCY else [ay.of(n) for n in networks],
        mode="markers",
        name="measured",
        marker={"color": INK, "size": 8, "symbol": "diamond-open"},
        hovertext=[_hover(data, n) for n in networks],
        hoverinfo="text",
    )


def _points(
    figure: go.Figure,
    data: ReportData,
    ax: Axis,
    ay: Axis,
    networks: Sequence[ReportedNetwork],
    name: str,
    marker: dict[str, Any],
    *,
    error_x: dict[str, Any] | None = None,
    error_y: dict[str, Any] | None = None,
) -> None:
    if networks:
        figure.add_scatter(
            x=[ax.of(n) for n in networks],
            y=[ay.of(n) for n in networks],
            mode="markers",
            name=name,
            marker=marker,
            error_x=error_x,
            error_y=error_y,
            hovertext=[_hover(data, n) for n in networks],
            hoverinfo="text",
        )


def _interval(networks: Sequence[ReportedNetwork], colour: str) -> dict[str, Any]:
    return {
        "type": "data",
        "symmetric": False,
        "array": [max(0.0, n.latency_interval_ms[1] - n.latency_predicted_ms) for n in networks],
        "arrayminus": [max(0.0, n.latency_predicted_ms - n.latency_interval_ms[0]) for n in networks],
        "color": colour,
        "thickness": 1,
        "width": 3,
    }


def _hover(data: ReportData, network: ReportedNetwork) -> str:
    lines = [f"<b>{network.key}</b>  {escape(data.labels.get(network.key, ''))}", escape(network.architecture.mixers)]
    lines.append(f"depth {network.architecture.depth}, dim {network.architecture.embed_dim}, {network.source}")
    labels = {o.name: words(o.label) for o in data.shown}
    for name in metric_names(data):
        if name in network.objectives:
            label = escape(labels.get(name, label_of(name)))
            lines.append(f"{label}: {doubtful_text(data, network, name)}")
    low, high = network.latency_interval_ms
    lines.append(
        f"predicted {quantity(network.latency_predicted_ms, 'ms')} ({quantity(low, 'ms')} to {quantity(high, 'ms')})"
    )
    if network.latency_measured_ms is not None:
        lines.append(f"measured {quantity(network.latency_measured_ms, 'ms')} ({gap_text(network)})")
    if network.test_error is not None:
        lines.append(error_text(data, network.test_error))
    if network.whole_error is not None:
        lines.append(error_text(data, network.whole_error, split="whole validation"))
    if network.training_steps is not None:
        lines.append(f"trained for {network.training_steps} steps")
    if network.near_front:
        lines.append("off the front by no more than the noise of the evaluation")
    if network.fraction < 1:
        lines.append(f"given up after {quantity(100 * network.fraction, '%')} of the validation examples")
    if not network.feasible:
        lines.append("over the budget")
    return "<br>".join(lines)
