"""The answer of a report as lines of 80 columns, the last of a command."""

from __future__ import annotations

import textwrap

from runs.reports.answer import headline, verdict
from runs.reports.data import ReportData
from runs.reports.tables import Table, answer_table, phase_table

__all__ = ["terminal_lines"]

_WIDTH = 80
_SHOWN = 6  # of the columns of the table: the others need more room


def terminal_lines(data: ReportData) -> list[str]:
    """Return the answer, the table beside it and what was gained."""
    lines = textwrap.wrap(headline(data), _WIDTH)
    lines += _aligned(answer_table(data))
    lines += _aligned(phase_table(data))
    for sentence in verdict(data):
        lines += textwrap.wrap(f"{sentence}.", _WIDTH)
    return lines


def _aligned(table: Table) -> list[str]:
    if not table.rows:
        return []
    rows = [[name.replace("validation", "valid.") for name in table.header[:_SHOWN]]]
    rows += [[cell.text for cell in row[:_SHOWN]] for row in table.rows]
    widths = [max(len(row[c]) for row in rows) for c in range(len(rows[0]))]
    numbers = {c for c in range(len(widths)) if table.rows[0][c].sort is not None}
    return [
        "  ".join(
            text.rjust(width) if c in numbers else text.ljust(width)
            for c, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
