"""Where messages and progress go: a terminal, nothing, or what a caller provides.

No stage prints. It tells its reporter, and hands tables over as data.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol

__all__ = ["ProgressCallback", "Reporter", "SilentReporter", "Table"]

ProgressCallback = Callable[[int, int, str], None]
_log = logging.getLogger("nasweave.runs")


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A table as data.

    Parameters
    ----------
    title
        What it shows, with units.
    columns
        Headings.
    rows
        Cells as texts, one for each column.
    words
        How many of the first columns hold words; numbers stand in the others.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: int = 1


class Reporter(Protocol):
    """Tells a user what a run does."""

    def message(self, text: str) -> None:
        """Tell a result, in one line."""

    def warning(self, text: str) -> None:
        """Tell what a user should mend or know, though the run goes on."""

    def skipped(self, stage: str) -> None:
        """Tell that a stage was done by an earlier command, and is not repeated."""

    def table(self, table: Table) -> None:
        """Show a table."""

    def progress(self, title: str, *, limit_s: float | None = None) -> AbstractContextManager[ProgressCallback]:
        """Give a callback ``(done, total, message)`` for the progress of one activity.

        ``limit_s`` are the seconds after which it is to end, where it has a time budget.
        """


class SilentReporter:
    """Tells nothing; warnings go to the logger ``nasweave.runs``, as those of any library."""

    def message(self, text: str) -> None:
        """Tell nothing."""

    def warning(self, text: str) -> None:
        """Log the warning."""
        _log.warning("%s", text)

    def skipped(self, stage: str) -> None:
        """Tell nothing."""

    def table(self, table: Table) -> None:
        """Show nothing."""

    @contextmanager
    def progress(self, title: str, *, limit_s: float | None = None) -> Iterator[ProgressCallback]:
        """Give a callback that does nothing."""
        yield lambda done, total, message: None
