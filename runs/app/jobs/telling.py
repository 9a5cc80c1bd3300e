"""A reporter whose messages and progress appear on a run's page, beside its log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from runs.reporter import ProgressCallback, Reporter, Table
from runs.store.failures import UnreachableError
from runs.store.secrets import redacted
from runs.store.service.submissions import Submissions

__all__ = ["TellingReporter"]

_PERIOD_S = 2.0
_LONGEST = 2000


class TellingReporter:
    """A :class:`runs.reporter.Reporter` that writes events of a run, and tells another reporter the same.

    Parameters
    ----------
    submissions, number
        The table of runs, and the row of this one.
    other
        Who is told too.
    began
        Called with the title of each activity when it begins.
    """

    def __init__(
        self,
        submissions: Submissions,
        number: int,
        other: Reporter,
        *,
        began: Callable[[str], None] = lambda title: None,
    ) -> None:
        self._submissions, self._number, self._other, self._began = submissions, number, other, began

    def message(self, text: str) -> None:
        """Tell a line."""
        self._other.message(text)
        self._tell("message", {"text": redacted(text)[:_LONGEST]})

    def warning(self, text: str) -> None:
        """Tell a warning."""
        self._other.warning(text)
        self._tell("warning", {"text": redacted(text)[:_LONGEST]})

    def skipped(self, stage: str) -> None:
        """Tell that a stage was done before."""
        self._other.skipped(stage)
        self._tell("message", {"text": f"{stage}: done before"})

    def table(self, table: Table) -> None:
        """Write a table to the log."""
        self._other.table(table)

    @contextmanager
    def progress(self, title: str, *, limit_s: float | None = None) -> Iterator[ProgressCallback]:
        """Give a callback whose calls are told every other second, and the last one of all."""
        self._began(title)
        last = 0.0
        with self._other.progress(title, limit_s=limit_s) as show:

            def update(done: int, total: int, message: str) -> None:
                nonlocal last
                show(done, total, message)
                if done >= total or time.monotonic() - last >= _PERIOD_S:
                    last = time.monotonic()
                    told = {"title": title, "done": int(done), "total": int(total), "message": message[:_LONGEST]}
                    self._tell("progress", told)

            yield update

    def _tell(self, kind: str, data: Mapping[str, Any]) -> None:
        with suppress(UnreachableError):  # the log has it; the work goes on
            self._submissions.tell(self._number, kind, data)
