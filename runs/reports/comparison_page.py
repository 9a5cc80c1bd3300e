"""The comparison as files: one self-contained page, a picture and a table."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup
from plotly.offline import get_plotlyjs

from hardware_profiles.atomic import write_atomically
from runs.reports.comparison import Comparison, comparison_csv, comparison_table
from runs.reports.figures.comparison_figures import comparison_png, curve_figure, front_figures
from runs.reports.page import embedded, templates
from runs.reports.units import bound_text, words

__all__ = ["write_comparison"]


def write_comparison(data: Comparison, folder: Path) -> Path:
    """Write ``index.html``, ``comparison.png`` and ``fronts.csv`` into ``folder``; returns the page's path."""
    folder.mkdir(parents=True, exist_ok=True)
    contents = {
        "fronts.csv": comparison_csv(data).encode(),
        "comparison.png": comparison_png(data),
        "index.html": _page(data).encode(),
    }
    for name, content in contents.items():
        write_atomically(folder / name, content)
    return folder / "index.html"


def _page(data: Comparison) -> str:
    fronts = front_figures(data)
    reference = zip(data.objectives, data.reference, strict=True)
    return (
        templates()
        .get_template("comparison.html.j2")
        .render(
            data=data,
            table=comparison_table(data),
            views=list(fronts),
            figures=embedded({"front": list(fronts.values()), "hypervolume": curve_figure(data)}),
            reference=", ".join(f"{words(o.label)} {bound_text(float(f'{v:.3g}'), o.unit)}" for o, v in reference),
            plotly=Markup(get_plotlyjs()),
        )
    )
