"""Reporters: the silent one prints nothing, the terminal's prints lines and tables as they are."""

from __future__ import annotations

import io
import logging

from rich.console import Console

from runs.app.terminal import TerminalReporter
from runs.reporter import Reporter, SilentReporter, Table

TABLE = Table(title="costs", columns=("", "smallest", "largest"), rows=(("Latency [ms]", "1.0", "10.0"),))


def tell(reporter: Reporter) -> None:
    reporter.message("[bold]a message[/bold] " + "x" * 200)
    reporter.skipped("train")
    reporter.table(TABLE)
    with reporter.progress("search") as progress:
        progress(0, 2, "none")
        progress(2, 2, "both")


def test_a_silent_reporter_prints_nothing_and_logs_warnings(fresh_logging, capfd, caplog) -> None:
    tell(SilentReporter())
    SilentReporter().warning("the machine is busy: 100 %")
    assert capfd.readouterr() == ("", "")
    assert caplog.record_tuples == [("nasweave.runs", logging.WARNING, "the machine is busy: 100 %")]


def test_a_terminal_reporter_prints_lines_where_there_is_no_terminal() -> None:
    out = io.StringIO()
    tell(TerminalReporter(Console(file=out, width=60, force_terminal=False)))
    lines = out.getvalue().splitlines()
    assert lines[0] == "[bold]a message[/bold] " + "x" * 200, "no markup, no breaks"
    assert lines[1] == "train: done before"
    assert "costs" in lines[2] and any("Latency" in line and line.rstrip(" │").endswith("10.0") for line in lines)
    assert lines[-1].startswith("search: 2/2, ") and lines[-1].endswith("both")
