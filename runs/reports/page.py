"""The one self-contained page: figures, pictures and tables in one file that opens offline."""

from __future__ import annotations

import json
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from runs.reports import tables
from runs.reports.answer import headline, verdict
from runs.reports.data import ReportData
from runs.reports.figures import interactive
from runs.reports.figures.example_png import picture_address
from runs.reports.figures.palette import hatch, text_on
from runs.reports.judged import ClassResults
from runs.reports.judged.pictures import confusion_figure
from runs.reports.judged.tables import class_table
from runs.reports.judged.texts import doubt_text, majority_text
from runs.reports.layers import picture
from runs.reports.sensitivity import sensitivity_figure
from runs.reports.summary import budget_text, coverage_curves, size_text, summary_text
from runs.reports.units import bound_text, duration, words

__all__ = ["embedded", "report_html", "templates"]


def report_html(data: ReportData) -> str:
    """Return the page."""
    fronts = interactive.front_figures(data)
    figures: dict[str, Any] = {
        "front": list(fronts.values()),
        "hypervolume": interactive.hypervolume_figure(data),
        "measured": interactive.predicted_measured_figure(data),
        "confusion": confusion_figure(data.classes) if isinstance(data.classes, ClassResults) else None,
        "sensitivity": None if data.sensitivity is None else sensitivity_figure(data.sensitivity),
        "training": interactive.training_figure(data),
    }
    return (
        templates()
        .get_template("index.html.j2")
        .render(
            data=data,
            headline=headline(data),
            verdict=verdict(data),
            answer=tables.answer_table(data),
            simple=tables.simple_table(data),
            classes=class_table(data.classes),
            majority=majority_text(data),
            doubt=doubt_text(data),
            budget=budget_text(data),
            reference=", ".join(
                f"{words(o.label)} {bound_text(value, o.unit)}"
                for o, value in zip(data.objectives, data.hypervolume_reference, strict=True)
            ),
            size=size_text(data.log10_size),
            views=list(fronts),
            figures=embedded(figures),
            has={name: figure is not None for name, figure in figures.items()},
            plotly=Markup(get_plotlyjs()),
            layers=picture(data, data.front),
            curves=coverage_curves(data),
            evaluated=sum(n.searched for n in data.networks),
            feasible=sum(n.feasible for n in data.networks),
            summary={name.replace("_", " "): summary_text(name, v) for name, v in data.predictor_summary.items()},
            near=sum(n.near_front for n in data.networks),
            chosen=tables.chosen_table(data),
            phases=tables.phase_table(data),
            front=tables.front_table(data),
            baselines=tables.baseline_table(data),
            corners=tables.corner_table(data),
            total_seconds=sum(data.seconds.values()),
        )
    )


def templates() -> Environment:
    """Return where pages are made from, with the filters that their templates use."""
    environment = Environment(
        loader=PackageLoader("runs.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(words=words, duration=duration, text_on=text_on, hatch=hatch, address=picture_address)
    return environment


def embedded(value: Any) -> Markup:
    """Return JSON that cannot end the script element it stands in."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)
