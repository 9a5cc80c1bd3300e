"""The workers of a shared search: what they must have in common, and how each shows that it lives."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from runs.search.config import WorkersConfig
from runs.search.workers.patience import Patience
from runs.store import Claims
from search_space.errors import StoreError

__all__ = ["WorkerGroup", "at_work"]


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerGroup:
    """The workers that share a search, this process among them.

    Parameters
    ----------
    claims
        What this process and the others have claimed.
    config
        How they watch each other.
    versions
        What must be the same for all, beside the search itself, by name: the code, the checkpoint.
    """

    claims: Claims
    config: WorkersConfig = field(default_factory=WorkersConfig)
    versions: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def at_work(worker_group: WorkerGroup, identity: Mapping[str, object]) -> Iterator[None]:
    """Be one of the workers of a search, with heartbeats from a thread of its own.

    Raises
    ------
    StoreError
        A living worker has another identity or other versions.
    """
    claims, every_s, stop = worker_group.claims, worker_group.config.heartbeat_s, threading.Event()
    Patience(worker_group.config.patience_s)(lambda: claims.join({**identity, **worker_group.versions}))

    def beat() -> None:
        while not stop.wait(every_s):
            with suppress(StoreError):  # the search itself waits for the database, or says that it is gone
                claims.beat()

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        with suppress(StoreError):  # others notice the silence then
            claims.leave()
