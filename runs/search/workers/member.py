"""What every worker does, whatever it searches: it waits for the database, and takes over what dead workers left."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeVar

from runs.search.optuna.study import storage_errors
from runs.search.workers.group import WorkerGroup
from runs.search.workers.patience import Patience
from runs.store import Claim

__all__ = ["ATTEMPTS", "POLL_S", "Member"]

T = TypeVar("T")
ATTEMPTS = 2  # so many workers may die with one network
POLL_S = 0.5
_log = logging.getLogger("nasweave.runs")


class Member:
    """This process among the workers of a search.

    Parameters
    ----------
    worker_group
        The workers.
    storage_url
        The study's database, for messages.
    """

    def __init__(self, worker_group: WorkerGroup, *, storage_url: str) -> None:
        self.claims, self.config, self.storage_url = worker_group.claims, worker_group.config, storage_url
        self._patience = Patience(worker_group.config.patience_s)
        self._looked_at = -float("inf")

    def persist(self, action: Callable[[], T]) -> T:
        """Return what ``action`` returns; what a database that has gone away interrupts is done again later."""

        def once() -> T:
            with storage_errors(self.storage_url):
                return action()

        return self._patience(once)

    def due(self, *, now: bool = False) -> bool:
        """Return whether it is time to look after what dead workers left: once in a heartbeat, or ``now``."""
        if not now and time.monotonic() - self._looked_at < self.config.heartbeat_s:
            return False
        self._looked_at = time.monotonic()
        return True

    def inherited(self) -> Iterator[Claim]:
        """Yield the claims that dead workers left, each when this worker has taken it over."""
        for left in self.persist(self.claims.abandoned):
            claim = self.persist(partial(self.claims.take_over, left))
            if claim is not None:
                _log.warning("worker %s ended during %s: this one takes it over", left.worker, _name(claim))
                yield claim

    def wait(self) -> None:
        """Sleep until others may have come further."""
        time.sleep(min(POLL_S, self.config.heartbeat_s))


def _name(claim: Claim) -> str:
    return f"the training of {claim.key}" if claim.trial_number is None else f"trial {claim.trial_number}"
