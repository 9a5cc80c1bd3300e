"""Messages and progress on a terminal: a live bar there, plain lines with the time left elsewhere."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

import rich.table
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from runs.reporter import ProgressCallback, Table

__all__ = ["TerminalReporter"]

_SECONDS_BETWEEN_LINES = 10.0
_log = logging.getLogger("nasweave.runs")


class TerminalReporter:
    """A :class:`runs.reporter.Reporter` that writes to a console.

    Parameters
    ----------
    console
        Where to; standard error when ``None``.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = Console(stderr=True) if console is None else console

    def message(self, text: str) -> None:
        """Print a line, however long, as it is."""
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def warning(self, text: str) -> None:
        """Log the warning; the command line shows what is logged."""
        _log.warning("%s", text)

    def skipped(self, stage: str) -> None:
        """Print that a stage was done before."""
        self.message(f"{stage}: done before")

    def table(self, table: Table) -> None:
        """Print a table, numbers to the right."""
        drawn = rich.table.Table(title=table.title or None)
        for i, heading in enumerate(table.columns):
            is_text = i < table.words
            drawn.add_column(
                heading, justify="left" if is_text else "right", overflow="fold" if is_text else "ellipsis"
            )
        for row in table.rows:
            drawn.add_row(*row)
        self._console.print(drawn)

    @contextmanager
    def progress(self, title: str) -> Iterator[ProgressCallback]:
        """Give a callback ``(done, total, message)`` that draws the progress of one activity."""
        if not self._console.is_terminal:
            yield _lines(self._console, title)
            return
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[message]}", markup=False),
        )
        with Progress(*columns, console=self._console, transient=True) as bars:
            bar = bars.add_task(f"[bold]{title}", total=None, message="")
            yield lambda done, total, message: bars.update(bar, completed=done, total=total, message=message)


def _lines(console: Console, title: str) -> ProgressCallback:
    begin = last = time.monotonic()
    first: int | None = None

    def update(done: int, total: int, message: str) -> None:
        nonlocal last, first
        now = time.monotonic()
        first = done if first is None else first  # a resumed stage does not start at 0
        if now - last < _SECONDS_BETWEEN_LINES and done < total:
            return
        last = now
        left = f", {(now - begin) / (done - first) * (total - done):.0f} s left" if done > first else ""
        console.print(f"{title}: {done}/{total}, {now - begin:.0f} s{left}  {message}", highlight=False, markup=False)

    return update
