"""Optuna's storage for a database: memory, SQLite, PostgreSQL, or a journal file that processes of a machine share."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from optuna.distributions import BaseDistribution, check_distribution_compatibility, distribution_to_json
from optuna.storages import BaseStorage, InMemoryStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import TrialState
from sqlalchemy import column, event, table
from sqlalchemy.dialects import postgresql, sqlite

from runs.store.engine import alone_in_setup, connection_options, journal_of, parse_url, use_write_ahead_log

__all__ = ["open_storage"]

_PARAMS = table(
    "trial_params", column("trial_id"), column("param_name"), column("param_value"), column("distribution_json")
)


@contextmanager
def open_storage(url: str | None) -> Iterator[BaseStorage]:
    """Give the storage of a database, in memory for ``None``; its connections are closed on leaving."""
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
        storage = _TogetherStorage(
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


class _TogetherStorage(RDBStorage):
    """Writes the parameters of a trial in one transaction; Optuna's own would use one, and four statements, for each.

    Parameters that this process has not seen before are written one by one, for Optuna then compares their
    distributions with those in the study. The others of a trial are written when all that were seen before have come.
    """

    def __init__(self, url: str, *, engine_kwargs: dict[str, Any]) -> None:
        super().__init__(url, engine_kwargs=engine_kwargs)
        self._names: set[str] = set()
        self._trial: tuple[int, set[str]] = (-1, set())
        self._pending: list[dict[str, Any]] = []
        insert = postgresql.insert if self.engine.dialect.name == "postgresql" else sqlite.insert
        self._insert = insert(_PARAMS).on_conflict_do_nothing()

    def _set_trial_param(
        self,
        trial_id: int,
        param_name: str,
        param_value_internal: float,
        distribution: BaseDistribution,
        previous_distribution: BaseDistribution | None,
    ) -> None:
        if self._trial[0] != trial_id:
            self.write_params()
            self._trial = (trial_id, set())
        self._trial[1].add(param_name)
        if previous_distribution is None:
            super()._set_trial_param(trial_id, param_name, param_value_internal, distribution, None)
            self._names.add(param_name)
            return
        check_distribution_compatibility(previous_distribution, distribution)
        self._pending.append(
            {
                "trial_id": trial_id,
                "param_name": param_name,
                "param_value": param_value_internal,
                "distribution_json": distribution_to_json(distribution),
            }
        )
        if self._names <= self._trial[1]:
            self.write_params()

    def write_params(self) -> None:
        """Write the parameters that are waiting."""
        if self._pending:
            rows, self._pending = self._pending, []
            with self.engine.begin() as connection:
                connection.execute(self._insert, rows)

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        """Set the state of a trial, after its parameters."""
        self.write_params()
        return super().set_trial_state_values(trial_id, state, values)


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
