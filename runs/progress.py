"""Progress with time left: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

__all__ = ["ProgressCallback", "show_progress"]

ProgressCallback = Callable[[int, int, str], None]
_SECONDS_BETWEEN_LINES = 10.0


@contextmanager
def show_progress(console: Console, title: str) -> Iterator[ProgressCallback]:
    """Give a callback ``(done, total, message)`` that draws the progress of one stage on ``console``."""
    if not console.is_terminal:
        yield _lines(console, title)
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
    with Progress(*columns, console=console, transient=True) as bars:
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
