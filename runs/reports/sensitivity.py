"""Pictures of what each integer precision costs each sub-block of one network."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import numpy as np

from runs.reports.data import Sensitivity
from runs.reports.figures.figure import blank_figure, plain_figure
from runs.reports.figures.palette import FAINT, INK
from runs.reports.figures.stills import STYLE, png, subplots

__all__ = ["sensitivity_figure", "sensitivity_png"]

_COLOURS = "RdBu_r"  # blue: better than in float, red: worse


def sensitivity_figure(found: Sensitivity) -> dict[str, Any]:
    """Return the changes as a map of colours with their numbers."""
    figure = blank_figure("", "")
    limit = found.limit
    figure.add_heatmap(
        x=list(found.precisions),
        y=list(found.sub_blocks),
        z=found.percent.tolist(),
        text=[[_text(value) for value in row] for row in found.percent.tolist()],
        texttemplate="%{text}",
        colorscale=_COLOURS,
        zmin=-limit,
        zmax=limit,
        xgap=2,
        ygap=2,
        showscale=False,
        hovertemplate="%{y} in %{x}: loss %{text}<extra></extra>",
    )
    figure.update_yaxes(autorange="reversed", showline=False, ticks="", automargin=True)
    figure.update_xaxes(showline=False, ticks="", side="top")
    figure.update_layout(margin={"t": 40, "b": 10}, height=60 + 26 * len(found.sub_blocks))
    return plain_figure(figure)


def sensitivity_png(found: Sensitivity) -> bytes:
    """Draw the changes as a map of colours with their numbers."""
    with mpl.rc_context(STYLE):
        width, height = 2.6 + 1.1 * len(found.precisions), 1.0 + 0.3 * len(found.sub_blocks)
        figure, (plot,) = subplots(width, height, columns=1)
        percent = found.percent
        limit = found.limit
        plot.imshow(percent, cmap=_COLOURS, vmin=-limit, vmax=limit, aspect="auto")
        for (i, j), value in np.ndenumerate(percent):
            strong = abs(value) > 0.6 * limit
            plot.text(j, i, _text(value), ha="center", va="center", fontsize=8, color="white" if strong else INK)
        plot.grid(visible=False)
        plot.set_xticks(range(len(found.precisions)), found.precisions)
        plot.set_yticks(range(len(found.sub_blocks)), found.sub_blocks)
        plot.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
        plot.spines[:].set_visible(False)
        plot.axhline(len(found.sub_blocks) - 1.5, color=FAINT, lw=1)
        plot.set_title(f"{found.key}: change of the validation loss", pad=22)
        return png(figure)


def _text(percent: float) -> str:
    digits = 2 if abs(percent) < 10 else 1 if abs(percent) < 100 else 0
    return f"{percent:+.{digits}f} %"
