"""The per-layer picture drawn with matplotlib."""

from __future__ import annotations

from io import BytesIO

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from runs.reports.figures.palette import FAINT, GRID, MUTED, hatch, text_on
from runs.reports.figures.stills import STYLE
from runs.reports.layers import Picture
from search_space.architecture import IDENTITY
from search_space.precision import FLOAT

__all__ = ["architectures_png"]

POINTS_AN_INCH = 84.0
LEGEND = 100.0


def architectures_png(layout: Picture, *, omitted: int) -> bytes:
    """Draw every network of the layout with a legend; ``omitted`` says how many the layout leaves out."""
    with mpl.rc_context(STYLE):
        width, height = _width(layout), layout.height + LEGEND
        inches = width / POINTS_AN_INCH
        figure = Figure(figsize=(inches, height / POINTS_AN_INCH), dpi=1400 / inches, facecolor="white")
        plot = figure.add_axes((0, 0, 1, 1))
        plot.set(xlim=(0, width), ylim=(height, 0))
        plot.axis("off")
        for row in layout.rows:
            plot.plot((14, row.end), (row.base + 0.5, row.base + 0.5), color=GRID, lw=1)
            plot.text(14, row.base - 24, row.title, fontsize=8, fontweight="bold", va="center")
            plot.text(14, row.base - 10, row.subtitle, fontsize=7, color=MUTED, va="center")
            for box in row.boxes:
                _box(plot, box.x, box.y, box.width, box.height, colour=box.colour, precision=box.precision)
                if box.empty:
                    _outline(plot, box.x, box.y, box.width, box.height)
                _code(plot, box.x + box.width / 2, box.y + box.height / 2, box.code, colour=box.colour)
        if not layout.rows:
            plot.text(width / 2, 20, "no network is on the front", ha="center", va="center", color=MUTED)
        _legend(plot, layout, y=layout.height + 6, omitted=omitted)
        buffer = BytesIO()
        figure.savefig(buffer, format="png", metadata={"Software": None})
        return buffer.getvalue()


def _box(plot: Axes, x: float, y: float, width: float, height: float, *, colour: str, precision: str) -> None:
    plot.add_patch(Rectangle((x, y), width, height, fc=colour, ec="none"))
    if precision != FLOAT:
        shade = text_on(colour)
        plot.add_patch(
            Rectangle((x, y), width, height, fill=False, ec=shade, alpha=0.45, lw=0, hatch=3 * hatch(precision))
        )


def _outline(plot: Axes, x: float, y: float, width: float, height: float) -> None:
    plot.add_patch(Rectangle((x, y), width, height, fill=False, ec=FAINT, lw=0.8, ls=(0, (3, 2))))


def _code(plot: Axes, x: float, y: float, code: str, *, colour: str) -> None:
    if code:
        shade = text_on(colour)
        back = {"boxstyle": "round,pad=0.12", "fc": colour, "ec": "none"}
        plot.text(x, y, code, ha="center", va="center", fontsize=7, color=shade, fontweight="bold", bbox=back)


def _legend(plot: Axes, layout: Picture, *, y: float, omitted: int) -> None:
    entries = [(name, code, colour, FLOAT) for name, code, colour in (*layout.mixers, *layout.channel_mixers)]
    entries += [(IDENTITY, "", "", FLOAT), *((p, "", GRID, p) for p in layout.precisions)]
    x, row = 14.0, 0
    for name, code, colour, precision in entries:
        width = 44 + 5.6 * len(name)
        if x + width > _width(layout):
            x, row = 14.0, row + 1
        top = y + 23 * row
        if colour:
            _box(plot, x, top, 22, 15, colour=colour, precision=precision)
        else:
            _outline(plot, x, top, 22, 15)
        _code(plot, x + 11, top + 7.5, code, colour=colour)
        plot.text(x + 27, top + 8, name, fontsize=7.5, va="center")
        x += width
    note = "Input on the left. Height: heads of a mixer, ratio of a channel mixer. Hatch: precision."
    note += f" {omitted} further networks of the front are in the table." if omitted else ""
    plot.text(14, y + 23 * row + 34, note, fontsize=7.5, color=MUTED, va="center", style="italic")


def _width(layout: Picture) -> float:
    return max(layout.width, 860.0)
