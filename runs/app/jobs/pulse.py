"""The pulse of a job: a thread that shows that its process lives, and hears when it has to stop."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time

from runs.store.failures import UnreachableError
from runs.store.service.jobs import Jobs
from search_space.errors import StoreError

__all__ = ["Pulse"]

_PERIOD_S = 1.0
_PATIENCE_S = 30.0  # between asking the work to stop and ending the whole group of processes
_log = logging.getLogger("nasweave.service")


class Pulse:
    """The heartbeats of one attempt at a job.

    Attributes
    ----------
    is_stopped
        Whether the run's owner asked the job to stop.
    is_replaced
        Whether another process was given the job, for this one was taken for dead: it has to end, and to write nothing.
    """

    def __init__(self, jobs: Jobs, number: int, attempt: int) -> None:
        self._jobs, self._number, self._attempt = jobs, number, attempt
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="pulse", daemon=True)
        self.is_stopped = self.is_replaced = False

    def begin(self) -> bool:
        """Show the first sign of life; False if the job is not this process's to do."""
        order = self._jobs.beat(self._number, self._attempt, process=os.getpid())
        self.is_stopped, self.is_replaced = order == "stop", order == "leave"
        if order == "go on":
            self._thread.start()
        return order == "go on"

    def end(self) -> None:
        """Show no more."""
        self._ended.set()

    def _beat(self) -> None:
        asked_s: float | None = None
        while not self._ended.wait(_PERIOD_S):
            try:
                order = self._jobs.beat(self._number, self._attempt)
            except UnreachableError as error:
                _log.warning("%s", error)
                continue
            except StoreError:
                order = "leave"
            if order == "go on" or self._ended.is_set():
                continue
            self.is_stopped, self.is_replaced = order == "stop", order == "leave"
            if asked_s is None:
                asked_s = time.monotonic()
                os.kill(os.getpid(), signal.SIGINT)
            elif time.monotonic() - asked_s > _PATIENCE_S:
                os.killpg(os.getpgrp(), signal.SIGKILL)
