"""Reporters: the silent one prints nothing, the terminal's prints lines and tables as they are."""

from __future__ import annotations

import io
import logging
import os
import re
import signal
import time

import pytest
from rich.console import Console

from runs.app.console.interruption import Interrupted, interruptible
from runs.app.console.reporter import TerminalReporter
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


@pytest.mark.parametrize("terminal", [False, True])
def test_brackets_in_names_are_text_everywhere(terminal) -> None:
    out = io.StringIO()
    reporter = TerminalReporter(Console(file=out, width=100, force_terminal=terminal))
    hostile = "a [/bold] b [red]c[/] [link=x]"
    reporter.message(hostile)
    reporter.table(Table(title=hostile, columns=(hostile, "x"), rows=((hostile, hostile),)))
    with reporter.progress(hostile) as progress:
        progress(0, 2, hostile)
        progress(2, 2, hostile)
    with reporter.progress("a list"):
        pass
    said = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", out.getvalue())
    assert said.count("[/bold]") >= 5 and "[link=x]" in said


def test_the_time_left_is_at_most_what_is_left_of_the_budget(monkeypatch) -> None:
    now, out = [0.0], io.StringIO()
    monkeypatch.setattr("runs.app.console.reporter.time.monotonic", lambda: now[0])
    with TerminalReporter(Console(file=out, width=100, force_terminal=False)).progress("p", limit_s=60) as progress:
        for now[0], done, total in ((0, 0, 40), (20, 20, 40), (31, 0, 237), (45, 2, 237), (70, 9, 237), (71, 237, 237)):
            progress(done, total, "")
    left = [int(text) for text in re.findall(r"(\d+) s left", out.getvalue())]
    assert left == [20, 29, 15, 0, 0]


def test_a_stopped_activity_tells_how_far_it_was() -> None:
    reporter = TerminalReporter(Console(file=io.StringIO(), force_terminal=False))
    with (
        pytest.raises(Interrupted) as stopped,
        interruptible(reporter.how_far),
        reporter.progress("search") as progress,
    ):
        progress(3, 8, "best 4 %")
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
    assert str(stopped.value).startswith("interrupted in search: 3/8 (best 4 %); what is finished is saved")
    with pytest.raises(ValueError, match="failed"), reporter.progress("report"):
        raise ValueError("failed")
    with (
        pytest.raises(Interrupted, match=r"^interrupted; the same command continues$"),
        interruptible(reporter.how_far),
    ):
        raise KeyboardInterrupt
