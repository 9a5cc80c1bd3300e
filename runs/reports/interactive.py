"""The interactive figures of the page, as Plotly's plain dictionaries: hover, zoom, legends that switch traces."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import combinations
from typing import Any

import plotly.graph_objects as go

from runs.objectives import Objective
from runs.reports.data import ReportData, ReportedNetwork
from runs.reports.palette import ACCENT, DIM, FAINT, GRID, INK, MUTED, WARN
from runs.reports.summary import (
    LATENCY,
    baselines,
    coverage_curves,
    covered,
    gap_text,
    measured,
    metric_names,
    value_text,
)
from runs.reports.units import label_of, quantity, scale
from runs.reports.view import Axis, axes, staircase

__all__ = ["front_figures", "hypervolume_figure", "predicted_measured_figure", "training_figure"]

FONT = "Inter, 'Helvetica Neue', Helvetica, Arial, 'Liberation Sans', sans-serif"


def front_figures(data: ReportData) -> dict[str, dict[str, Any]]:
    """Return a figure for each pair of objectives by its title; with more than two, the colour shows another one."""
    figures = {}
    for y, x in combinations(data.objectives, 2):
        rest = [o for o in data.objectives if o not in (x, y)]
        figures[f"{y.label} against {x.label}"] = _front(data, x, y, rest[0] if rest else None)
    return figures


def hypervolume_figure(data: ReportData) -> dict[str, Any]:
    """Return the hypervolume over evaluations of the search and of random search."""
    figure = _figure("evaluations", "hypervolume, share of the box")
    for curve, colour, dash in zip(coverage_curves(data), (ACCENT, MUTED), ("solid", "dash"), strict=False):
        figure.add_scatter(
            x=list(range(1, len(curve.share) + 1)),
            y=curve.share.tolist(),
            name=curve.name,
            mode="lines" if len(curve.share) > 1 else "markers",
            line={"color": colour, "width": 2.5, "dash": dash, "shape": "hv"},
            hovertemplate="%{x} evaluations: %{y:.3f}<extra>" + escape(curve.name) + "</extra>",
        )
    figure.update_yaxes(rangemode="tozero")
    return _plain(figure)


def predicted_measured_figure(data: ReportData) -> dict[str, Any] | None:
    """Return measured over predicted latency with intervals and the line of equality; nothing without measurements."""
    networks = measured(data)
    if not networks:
        return None
    figure = _figure("predicted latency, ms", "measured latency, ms")
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
    figure.update_xaxes(range=[low, high])
    figure.update_yaxes(range=[low, high])
    return _plain(figure)


def training_figure(data: ReportData) -> dict[str, Any] | None:
    """Return the training loss over steps, nothing where there is none."""
    if not data.training_curve:
        return None
    figure = _figure("step", "training loss")
    steps, losses = zip(*data.training_curve, strict=True)
    figure.add_scatter(
        x=list(steps),
        y=list(losses),
        mode="lines",
        line={"color": ACCENT, "width": 1.8},
        hovertemplate="%{x}: %{y:.4g}",
    )
    return _plain(figure)


def _front(data: ReportData, x: Objective, y: Objective, colour: Objective | None) -> dict[str, Any]:
    ax, ay = axes(data, x, y)
    figure = _figure(ax.title, ay.title)
    front = data.front
    keys = {n.key for n in front}
    others = [n for n in data.networks if n.source == "search" and n.key not in keys]
    randoms = [n for n in data.of_source("random") if n.key not in keys]
    for axis, place in ((ax, figure.add_vrect), (ay, figure.add_hrect)):
        if axis.bound is not None:
            low, high = sorted((axis.bound, axis.far))
            letter = "x" if axis is ax else "y"
            place(**{f"{letter}0": low, f"{letter}1": high}, fillcolor=WARN, opacity=0.06, line_width=0, layer="below")
            line = figure.add_vline if axis is ax else figure.add_hline
            line(
                axis.bound,
                line={"color": WARN, "width": 1.5, "dash": "dash"},
                annotation={"text": f"budget {axis.bound_text}", "font": {"color": WARN, "size": 12}},
            )
    _points(figure, data, ax, ay, randoms, "random search", {"color": FAINT, "size": 6, "symbol": "x-thin-open"})
    _points(figure, data, ax, ay, others, "dominated", {"color": DIM, "size": 6, "opacity": 0.65})
    if colour is None and len(front) > 1:
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
    bars = {
        f"error_{letter}": _interval(front, ACCENT)
        for letter, objective in (("x", x), ("y", y))
        if objective.name == LATENCY
    }
    _points(figure, data, ax, ay, front, "front", marker, **bars)
    _remeasured(figure, data, ax, ay, x, y)
    for (name, network), symbol in zip(
        baselines(data), ("triangle-down", "triangle-up", "square", "star"), strict=False
    ):
        style = {"color": "white", "size": 12, "symbol": symbol, "line": {"color": INK, "width": 1.8}}
        _points(figure, data, ax, ay, [network], name, style)
    for key, label in data.labels.items():
        network = data.network(key)
        figure.add_annotation(
            x=ax.of(network), y=ay.of(network), text=escape(label), showarrow=True, arrowhead=0, arrowcolor=MUTED,
            ax=28, ay=-30, font={"size": 12, "color": INK}, bgcolor="rgba(255,255,255,0.8)", xanchor="left",
        )  # fmt: skip
    figure.update_xaxes(range=list(ax.window))
    figure.update_yaxes(range=list(ay.window))
    return _plain(figure)


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
    labels = {o.name: o.label for o in data.objectives}
    for name in metric_names(data):
        if name in network.objectives:
            label = escape(labels.get(name, label_of(name)))
            lines.append(f"{label}: {value_text(data, name, network.objectives[name])}")
    low, high = network.latency_interval_ms
    lines.append(
        f"predicted {quantity(network.latency_predicted_ms, 'ms')} ({quantity(low, 'ms')} to {quantity(high, 'ms')})"
    )
    if network.latency_measured_ms is not None:
        lines.append(f"measured {quantity(network.latency_measured_ms, 'ms')} ({gap_text(network)})")
    if network.test_error is not None:
        lines.append(f"test error: {quantity(network.test_error, '%')}")
    if not network.feasible:
        lines.append("over the budget")
    return "<br>".join(lines)


def _figure(x: str, y: str) -> go.Figure:
    axis = {
        "gridcolor": GRID,
        "zeroline": False,
        "linecolor": FAINT,
        "ticks": "outside",
        "tickcolor": FAINT,
        "showline": True,
    }
    return go.Figure(
        layout={
            "template": None,
            "font": {"family": FONT, "size": 13, "color": INK},
            "paper_bgcolor": "white",
            "plot_bgcolor": "white",
            "margin": {"l": 64, "r": 16, "t": 16, "b": 54},
            "hoverlabel": {
                "bgcolor": "white",
                "bordercolor": FAINT,
                "font": {"size": 12, "color": INK},
                "align": "left",
            },
            "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
            "xaxis": {**axis, "title": {"text": escape(x), "standoff": 8}},
            "yaxis": {**axis, "title": {"text": escape(y), "standoff": 8}},
        }
    )


def _plain(figure: go.Figure) -> dict[str, Any]:
    plain: dict[str, Any] = figure.to_plotly_json()
    return plain
