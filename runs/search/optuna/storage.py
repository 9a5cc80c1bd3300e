"""Optuna's storage for a database: memory, SQLite, PostgreSQL, or a journal file that processes of a machine share."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from optuna.storages import BaseStorage, InMemoryStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from sqlalchemy import event

from runs.search.optuna.private import database_storage
from runs.store.engine import alone_in_setup, connection_options, journal_of, parse_url, use_write_ahead_log

__all__ = ["open_storage"]


@contextmanager
def open_storage(url: str | None) -> Iterator[BaseStorage]:
    """Yield the storage of a database, in memory for ``None``; its connections are closed on leaving."""
    if url is None:
        yield InMemoryStorage()
        return
    parsed, journal = parse_url(url), journal_of(url)
    if journal is not None:
        journal.parent.mkdir(parents=True, exist_ok=True)
        yield JournalStorage(JournalFileBackend(str(journal), lock_obj=_KernelLock(journal)))
        return
    on_sqlite = parsed.get_backend_name() == "sqlite"
    options: dict[str, Any] = {"connect_args": {"timeout": 60} if on_sqlite else connection_options(parsed)}
    with alone_in_setup(parsed):
        storage = database_storage(
            parsed.render_as_string(hide_password=False), engine_kwargs=options | {"pool_pre_ping": not on_sqlite}
        )
    if on_sqlite:
        use_write_ahead_log(storage.engine, busy_timeout_s=60)
    # What a trial is made of is committed without waiting for the disk. A kill loses nothing of that either way, and
    # the recorder's synchronous commit, which precedes the end of a trial, carries the earlier ones to the disk.
    event.listen(storage.engine, "connect", _relax_sqlite if on_sqlite else _relax_postgresql)
    storage.engine.dispose()
    try:
        yield storage
    finally:
        storage.remove_session()
        storage.engine.dispose()


def _relax_sqlite(connection: Any, entry: Any) -> None:
    connection.execute("PRAGMA synchronous=NORMAL")


def _relax_postgresql(connection: Any, entry: Any) -> None:
    connection.execute("SET SESSION synchronous_commit TO OFF")
    connection.commit()


class _KernelLock(JournalFileOpenLock):
    """A lock that the kernel frees when its holder is killed; others would wait half a minute for Optuna's own."""

    def __init__(self, journal: Path) -> None:
        super().__init__(str(journal))
        self._path = f"{journal}.lock"
        self._here = threading.Lock()
        self._handle = -1

    def acquire(self) -> bool:
        """Wait for the lock."""
        self._here.acquire()
        self._handle = os.open(self._path, os.O_CREAT | os.O_RDWR, 0o644)
        fcntl.flock(self._handle, fcntl.LOCK_EX)
        return True

    def release(self) -> None:
        """Give the lock back."""
        os.close(self._handle)
        self._here.release()
