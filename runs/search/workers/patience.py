"""Waiting for a database that has gone away: a restart of the server, or a network that is down for a minute."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from runs.store.failures import UnreachableError

__all__ = ["Patience"]

T = TypeVar("T")
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.25, 10.0
_log = logging.getLogger("nasweave.runs")


class Patience:
    """Repeats what failed because the database could not be reached, at growing intervals.

    Parameters
    ----------
    total_s
        Seconds without an answer after which the error is raised.
    sleep
        Waits for so many seconds.
    """

    def __init__(self, total_s: float, *, sleep: Callable[[float], object] = time.sleep) -> None:
        self.total_s, self._sleep = total_s, sleep

    def __call__(self, action: Callable[[], T]) -> T:
        """Return what ``action`` returns; it must do no harm when it is done twice.

        Raises
        ------
        UnreachableError
            The database has not come back in time.
        """
        end, pause = time.monotonic() + self.total_s, _FIRST_PAUSE_S
        while True:
            try:
                return action()
            except UnreachableError as error:
                if time.monotonic() + pause > end:
                    raise
                _log.warning("%s; trying again in %.2g s", error, pause)
            self._sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)
