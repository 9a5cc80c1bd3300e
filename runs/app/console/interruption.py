"""Ctrl-C and SIGTERM, with which schedulers end a job, are one: what is done is saved, and a line tells how far."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["Interrupted", "interruptible"]


class Interrupted(KeyboardInterrupt):
    """An interruption that tells in one line how far the work was."""


@contextmanager
def interruptible(how_far: Callable[[], str] = str) -> Iterator[None]:
    """Leave on SIGTERM as on Ctrl-C, and say then how far the work was.

    Parameters
    ----------
    how_far
        Tells the activity that goes on, with its progress; nothing between two activities.

    Raises
    ------
    Interrupted
        Where either signal came.
    """
    here = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, _leave) if here else None
    try:
        yield
    except Interrupted:
        raise
    except KeyboardInterrupt as stop:
        at = how_far()
        raise Interrupted(
            f"interrupted in {at}; what is finished is saved, and the same command continues"
            if at
            else "interrupted; the same command continues"
        ) from stop
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)


def _leave(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
