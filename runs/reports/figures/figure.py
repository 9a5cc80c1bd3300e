"""What all interactive figures have in common: fonts, axes, grid and legend."""

from __future__ import annotations

from html import escape
from typing import Any

import plotly.graph_objects as go

from runs.reports.figures.palette import FAINT, GRID, INK

__all__ = ["LOG", "blank_figure", "plain_figure"]

LOG = {"type": "log", "dtick": "D2", "tickformat": "~g"}
FONT = "Inter, 'Helvetica Neue', Helvetica, Arial, 'Liberation Sans', sans-serif"


def blank_figure(x: str, y: str) -> go.Figure:
    """Return an empty figure with the titles of its axes, in the style of every report."""
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
            "margin": {"l": 64, "r": 16, "t": 62, "b": 54},
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


def plain_figure(figure: go.Figure) -> dict[str, Any]:
    """Return a figure as plain dictionaries."""
    plain: dict[str, Any] = figure.to_plotly_json()
    return plain
