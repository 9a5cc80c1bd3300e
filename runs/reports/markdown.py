"""The report as Markdown: the same findings, readable in a repository or a pull request."""

from __future__ import annotations

from collections.abc import Mapping

from runs.reports.answer import headline, verdict
from runs.reports.data import ReportData
from runs.reports.judged.tables import class_table
from runs.reports.judged.texts import doubt_text, majority_text
from runs.reports.layers import picture
from runs.reports.summary import budget_text, measured, size_text, summary_text
from runs.reports.tables import (
    Cell,
    Table,
    answer_table,
    baseline_table,
    chosen_table,
    corner_table,
    front_table,
    phase_table,
    simple_table,
)
from runs.reports.units import duration, words
from search_space.summary import DataSummary

__all__ = ["report_markdown"]


def report_markdown(data: ReportData) -> str:
    """Return the whole report; its pictures lie beside it."""
    budget = budget_text(data)
    facts = {
        "task": data.task,
        "space": f"{data.space_name} ({size_text(data.log10_size)} networks, {data.space_fingerprint})",
        "objectives": ", ".join(f"{words(o.label)} ({o.direction})" for o in data.objectives),
        "budget": budget or "none",
        "evaluated": f"{sum(n.searched for n in data.networks)} by the search, {len(data.networks)} in all",
    }
    counted = {name.replace("_", " "): summary_text(name, v) for name, v in data.predictor_summary.items()}
    stages = {stage: duration(s) for stage, s in data.seconds.items()}
    parts = [
        f"# {_text(data.title)}",
        f"**{_text(headline(data))}**",
        _table(answer_table(data)),
        "\n".join(f"- {_text(sentence)}." for sentence in verdict(data)),
        f"**Warning:** {_text(doubt_text(data))}." if doubt_text(data) else "",
        _pairs("", facts),
        _section("Data", _pairs("", data.summary.facts), _notes(data.summary), _examples(data.summary)),
        _section("Phases of decoding", _table(phases)) if (phases := phase_table(data)).rows else "",
        _section("Chosen networks", _table(chosen_table(data))),
        _section(
            "Classes" if majority_text(data) else "Labels",
            f"{_text(majority_text(data))}." if majority_text(data) else "",
            _table(class_table(data.classes)),
            "![confusion](confusion.png)" if majority_text(data) else "",
        )
        if data.classes
        else "",
        _section("Front", "![front](front.png)", _table(front_table(data))),
        _section("Layers", "![architectures](architectures.png)", picture(data, data.front).remark),
        _section("Sensitivity to precision", "![sensitivity](sensitivity.png)") if data.sensitivity else "",
        _section("Hypervolume", "![hypervolume](hypervolume.png)"),
        _section(
            "Predicted and measured latency",
            "![predicted and measured](predicted_measured.png)" if measured(data) else "Predicted only.",
            _pairs("", counted),
        ),
        _section("Baselines", _table(baseline_table(data))),
        _section("Simple models on the same split", _table(simple_table(data))),
        _section("Corners of the space", _table(corner_table(data))),
        _section("Device", _pairs("", data.device)),
        _section("Environment", _pairs("", data.environment)),
        _section("Time", _pairs("", stages)),
        _section("Export", _code(*_exports(data)) if data.front or data.chosen else ""),
        _section("Command", _code(data.command) if data.command else ""),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _notes(summary: DataSummary) -> str:
    return "\n".join(f"- {_text(note)}." for note in summary.notes)


def _examples(summary: DataSummary) -> str:
    rows = tuple((Cell(text=e.text), Cell(text=e.target)) for e in summary.examples if e.text)
    return _table(Table(header=("example", "target"), rows=rows))


def _exports(data: ReportData) -> list[str]:
    knee = [f"{data.export_command} key=knee"] if "knee" in data.chosen else []
    return knee + [f"{data.export_command} key={key}" for key in data.labels or [n.key for n in data.front[:3]]]


def _section(title: str, *parts: str) -> str:
    body = [part for part in parts if part]
    return "\n\n".join((f"## {title}", *body)) if body else ""


def _text(text: str) -> str:
    """Escape what would break a table or start markup."""
    out = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;")
    for sign in "\\|*_`[":
        out = out.replace(sign, "\\" + sign)
    return out


def _table(table: Table) -> str:
    if not table.rows:
        return ""
    table = table.without_empty()
    columns = range(len(table.header))
    right = {c for c in columns if table.rows[0][c].sort is not None}
    lines = [
        [_text(table.header[c]) for c in columns],
        ["---:" if c in right else "---" for c in columns],
        *([f"`{row[c]}`" if row[c].code else _text(str(row[c])) for c in columns] for row in table.rows),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _pairs(title: str, pairs: Mapping[str, str]) -> str:
    if not pairs:
        return ""
    rows = [f"| {_text(name)} | {_text(value)} |" for name, value in pairs.items()]
    return "\n".join([f"| {title} | |", "|---|---|", *rows])


def _code(*lines: str) -> str:
    fence = "```"
    return "\n".join([fence, *(" ".join(line.split()).replace(fence, "") for line in lines), fence])
