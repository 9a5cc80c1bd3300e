"""Messages and progress on a terminal: a live bar there, plain lines with the time left elsewhere."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import rich.table
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from runs.reporter import ProgressCallback, Table

__all__ = ["TerminalReporter"]

_Draw = Callable[[int, int, str, str], None]

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
        self._how_far = ""

    def how_far(self) -> str:
        """Return the activity that goes on with its progress; nothing between two activities."""
        return self._how_far

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
        """Print a table, numbers to the right; brackets in its texts are text."""
        drawn = rich.table.Table(title=Text(table.title) if table.title else None)
        for i, heading in enumerate(table.columns):
            is_text = i < table.words
            drawn.add_column(
                Text(heading), justify="left" if is_text else "right", overflow="fold" if is_text else "ellipsis"
            )
        for row in table.rows:
            drawn.add_row(*map(Text, row))
        self._console.print(drawn)

    @contextmanager
    def progress(self, title: str, *, limit_s: float | None = None) -> Iterator[ProgressCallback]:
        """Give a callback ``(done, total, message)`` that draws the progress of one activity."""
        pace = _Pace(limit_s)
        with self._bar(title) if self._console.is_terminal else self._lines(title) as draw:

            def update(done: int, total: int, message: str) -> None:
                self._how_far = f"{title}: {done}/{total}{f' ({message})' if message else ''}"
                draw(done, total, message, pace.left(done, total))

            self._how_far = title
            try:
                yield update
            except Exception:  # not an interruption, which asks how far it was
                self._how_far = ""
                raise
        self._how_far = ""

    @contextmanager
    def _bar(self, title: str) -> Iterator[_Draw]:
        columns = (
            TextColumn("{task.description}", style="bold", markup=False),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}", markup=False),
            TextColumn("{task.fields[message]}", markup=False),
        )
        with Progress(*columns, console=self._console, transient=True) as bars:
            bar = bars.add_task(title, total=None, message="", left="")
            yield lambda done, total, message, left: bars.update(
                bar, completed=done, total=total, message=message, left=left
            )

    @contextmanager
    def _lines(self, title: str) -> Iterator[_Draw]:
        begin = last = time.monotonic()

        def draw(done: int, total: int, message: str, left: str) -> None:
            nonlocal last
            now = time.monotonic()
            if now - last < _SECONDS_BETWEEN_LINES and done < total:
                return
            last = now
            said = f"{title}: {done}/{total}, {now - begin:.0f} s{left and ', '}{left}  {message}"
            self._console.print(said, highlight=False, markup=False)

        yield draw


class _Pace:
    """Tells from the progress so far how long the rest takes: at most what is left of a limit."""

    def __init__(self, limit_s: float | None) -> None:
        self._end = math.inf if limit_s is None else time.monotonic() + limit_s
        self._total, self._first, self._began = -1, 0, 0.0

    def left(self, done: int, total: int) -> str:
        """Return the time left as text, nothing before anything was done."""
        now = time.monotonic()
        if total != self._total or done < self._first:  # another part; a resumed one does not start at 0
            self._total, self._first, self._began = total, done, now
        known = min(self._rest(done, now), max(0.0, self._end - now))
        return f"{known:.0f} s left" if math.isfinite(known) else ""

    def _rest(self, done: int, now: float) -> float:
        if done >= self._total:
            return 0.0
        return (now - self._began) / (done - self._first) * (self._total - done) if done > self._first else math.inf
