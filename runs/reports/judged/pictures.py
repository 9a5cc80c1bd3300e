"""The confusion matrix as a picture: of each class, what its test examples were taken for."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

from runs.reports.figures.figure import blank_figure, plain_figure
from runs.reports.figures.palette import INK
from runs.reports.figures.stills import STYLE, png, subplots
from runs.reports.judged.classes import ClassResults

__all__ = ["confusion_figure", "confusion_png"]

_COLOURS = "Blues"
_NUMBERED = 20  # classes, beyond which no number can be read
_LONGEST = 24  # characters of a label


def confusion_figure(found: ClassResults) -> dict[str, Any]:
    """Return the matrix for the page: colours are shares of a class, numbers are examples."""
    figure, names = blank_figure("", ""), _names(found)
    numbered = len(names) <= _NUMBERED
    figure.add_heatmap(
        x=list(range(len(names))),
        y=list(range(len(names))),
        z=_shares(found).tolist(),
        text=found.confusion.tolist() if numbered else None,
        texttemplate="%{text}" if numbered else None,
        customdata=[[[row, column] for column in names] for row in names],
        colorscale=_COLOURS,
        zmin=0.0,
        zmax=1.0,
        xgap=1 if numbered else 0,
        ygap=1 if numbered else 0,
        showscale=False,
        hovertemplate="%{customdata[0]} taken for %{customdata[1]}: %{z:.1%}<extra></extra>",
    )
    ticks: dict[str, Any] = {"showline": False, "ticks": ""}
    ticks |= {"tickvals": list(range(len(names))), "ticktext": names} if numbered else {"showticklabels": False}
    figure.update_yaxes(autorange="reversed", automargin=True, title="is", **ticks)
    figure.update_xaxes(side="top", automargin=True, title="taken for", **ticks)
    figure.update_layout(margin={"t": 40, "b": 10}, height=140 + 26 * min(len(names), _NUMBERED))
    return plain_figure(figure)


def confusion_png(found: ClassResults) -> bytes:
    """Draw the matrix, with the numbers of examples where they can be read."""
    with mpl.rc_context(STYLE):
        names = _names(found)
        numbered, side = len(names) <= _NUMBERED, 0.45 * min(len(names), _NUMBERED)
        figure, (plot,) = subplots(2.6 + max(side, 2.2), 1.6 + max(side, 2.2), columns=1)
        shares = _shares(found)
        plot.imshow(shares, cmap=_COLOURS, vmin=0, vmax=1, aspect="auto")
        if numbered:
            for (i, j), count in np.ndenumerate(found.confusion):
                colour = "white" if shares[i, j] > 0.6 else INK
                plot.text(j, i, str(count), ha="center", va="center", fontsize=8, color=colour)
            plot.set_xticks(range(len(names)), names, rotation=45, ha="left", rotation_mode="anchor")
            plot.set_yticks(range(len(names)), names)
        else:
            plot.set_xticks([])
            plot.set_yticks([])
        plot.grid(visible=False)
        plot.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
        plot.spines[:].set_visible(False)
        plot.set(xlabel="taken for", ylabel="is")
        plot.set_title(f"{found.key}: test {found.what} of each class", pad=10)
        return png(figure)


def _shares(found: ClassResults) -> NDArray[np.float64]:
    """Return which share of a class's examples was taken for which class, ``(K, K)``; none of no examples."""
    shares: NDArray[np.float64] = found.confusion / np.maximum(found.support, 1)[:, None]
    return shares


def _names(found: ClassResults) -> list[str]:
    return [label if len(label) <= _LONGEST else f"{label[: _LONGEST - 1]}…" for label in found.labels]
