"""Connections: which databases are supported, and how each is made safe for several processes.

SQLite runs with a write-ahead log (readers never wait), a busy timeout (writers queue) and foreign keys. Writing
transactions begin with ``BEGIN IMMEDIATE``: one that begins by reading and then writes fails at once, without waiting,
when another process wrote in between (https://www.sqlite.org/lang_transaction.html). Connections to SQLite are not
pooled, so that none crosses a ``fork``, which SQLite forbids; opening one costs a fraction of a millisecond.

``sqlite+journal:///folder/file.db`` is the same file beside a journal of Optuna's, ``folder/file.journal``: the study
is there, and the file is locked for single, short transactions alone, so several workers of one machine share both.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from sqlalchemy import ColumnElement, Connection, Double, Engine, create_engine, event, literal_column, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from runs.store.exact import dumps, loads
from runs.store.secrets import password_in, redacted_url
from search_space.errors import StoreError

__all__ = [
    "alone_in_setup",
    "clock",
    "connect",
    "connection_options",
    "journal_of",
    "parse_url",
    "serves_workers",
    "use_write_ahead_log",
    "writing",
]

_EXPECTED = "sqlite:///folder/file.db or postgresql://user:password@host/database"
_JOURNAL = "sqlite+journal"
# Any constant will do, as long as no other program takes the same advisory lock.
_SETUP_LOCK = 0x6E617378
_WRITES = "nasweave_writes"
_SECONDS_SINCE_1970 = {
    "postgresql": "EXTRACT(EPOCH FROM clock_timestamp())::double precision",
    "sqlite": "((julianday('now') - 2440587.5) * 86400.0)",
}
_log = logging.getLogger("nasweave.runs")


def parse_url(url: str) -> URL:
    """Return the URL of a supported database with its driver.

    Raises
    ------
    StoreError
        It is no URL, names another kind of database, or SQLite without a file.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise StoreError(
            "store.url", expected=_EXPECTED, got=redacted_url(url), remedy="write it in this form"
        ) from error
    backend = parsed.drivername.partition("+")[0]
    if backend in ("postgresql", "postgres"):
        written = password_in(url)
        if written is not None and unquote(written) != (parsed.password or ""):
            raise StoreError(
                "store.url",
                expected="a password whose special characters are percent-encoded",
                got=redacted_url(url),
                remedy="write %40 for @, %2F for /, %3F for ?, or give the password as PGPASSWORD in the environment",
            )
        # Named, because the default driver of "postgresql" changed between SQLAlchemy 2.0 and 2.1.
        return parsed.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise StoreError("store.url", expected=_EXPECTED, got=backend, remedy="use one of these databases")
    if parsed.database in (None, "", ":memory:"):
        raise StoreError(
            "store.url", expected="a file", got="SQLite in memory", remedy="name one: sqlite:///outputs/nasweave.db"
        )
    return parsed.set(drivername="sqlite")


def journal_of(url: str) -> Path | None:
    """Return the file of Optuna's journal that a URL asks for, or ``None``."""
    return Path(str(make_url(url).database)).with_suffix(".journal") if url.startswith(f"{_JOURNAL}:") else None


def serves_workers(url: str) -> bool:
    """Whether several processes can share a search in this database."""
    return parse_url(url).get_backend_name() == "postgresql" or journal_of(url) is not None


def connection_options(url: URL) -> dict[str, Any]:
    """Return what the driver is told, so that a server which has vanished is noticed in a minute, not in hours."""
    if url.get_backend_name() == "sqlite":
        return {}
    options = {
        "connect_timeout": 10,
        "keepalives_idle": 20,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": 60_000,
    }
    return {name: value for name, value in options.items() if name not in url.query}


@contextmanager
def alone_in_setup(url: URL) -> Iterator[None]:
    """Create tables while no other process does: PostgreSQL fails where two create the same one at once."""
    if url.get_backend_name() == "sqlite":
        yield
        return
    engine = connect(url, busy_timeout_s=0)
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _SETUP_LOCK})
            yield
    finally:
        engine.dispose()


def connect(url: URL, *, busy_timeout_s: float) -> Engine:
    """Return an engine for a URL that ``parse_url`` returned; creates the folder of an SQLite file.

    Raises
    ------
    StoreError
        The driver of PostgreSQL is not installed.
    OSError
        The folder cannot be created.
    """
    if url.get_backend_name() == "sqlite":
        return _sqlite(url, busy_timeout_s=busy_timeout_s)
    try:
        return create_engine(
            url,
            json_serializer=dumps,
            json_deserializer=loads,
            pool_pre_ping=True,
            # Reading back a row after a conflict must see what the other process committed.
            isolation_level="READ COMMITTED",
            connect_args=connection_options(url),
        )
    except ImportError as error:
        raise StoreError(
            "store.url",
            expected="an installed driver for PostgreSQL",
            got=f'"{error}"',
            remedy="pip install 'nasweave[postgresql]'",
        ) from error


def _sqlite(url: URL, *, busy_timeout_s: float) -> Engine:
    assert url.database is not None
    if not url.database.startswith("file:"):
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url,
        json_serializer=dumps,
        json_deserializer=loads,
        poolclass=NullPool,
        connect_args={"timeout": busy_timeout_s},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
        # Python's module would otherwise begin transactions itself, later than we need and never before DDL.
        connection.isolation_level = None
        with closing(connection.cursor()) as cursor:
            cursor.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        immediate = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine


def clock(engine: Engine) -> ColumnElement[float]:
    """Return the seconds since 1970 by the clock of the database, which processes of several hosts share."""
    return literal_column(_SECONDS_SINCE_1970[engine.dialect.name], Double())


def writing(engine: Engine) -> Engine:
    """Return the same engine for transactions that write."""
    return engine.execution_options(**{_WRITES: True})


def use_write_ahead_log(engine: Engine, *, busy_timeout_s: float) -> None:
    """Switch an SQLite file to the write-ahead log, which it then keeps; no transaction may be open.

    SQLite does not wait for another process's write here, as its busy timeout would have it: we do.
    """
    end = time.monotonic() + busy_timeout_s
    with closing(engine.raw_connection()) as connection, closing(connection.cursor()) as cursor:
        while True:
            try:
                mode = cursor.execute("PRAGMA journal_mode=WAL").fetchone()
                break
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= end:
                    raise
                time.sleep(0.01)
    if mode != ("wal",):
        _log.warning("SQLite cannot use a write-ahead log here (%s): readers and writers will wait", mode)
