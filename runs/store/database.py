"""A database of nasweave's tables: its connections, and sessions of one transaction each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Engine
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from runs.store.engine import connect, parse_url, use_write_ahead_log, writing
from runs.store.exact import unreadable
from runs.store.failures import clear_errors
from runs.store.migration import migrate
from runs.store.secrets import redacted_url
from runs.store.tables import Base
from search_space.errors import reason_of

__all__ = ["Database"]


class Database:
    """The connections to one database, which is of this version once it is open.

    Attributes
    ----------
    url
        The database with its driver, password included: what ``optuna.storages.RDBStorage`` takes.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine, self._writer = engine, writing(engine)
        self._where = redacted_url(engine.url.render_as_string(hide_password=False))
        self._insert = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert
        self.url = engine.url.render_as_string(hide_password=False)

    @classmethod
    def open(cls, url: str, *, busy_timeout_s: float = 30.0) -> Self:
        """Open a database and bring its tables to this version, creating file and folders where there are none.

        Parameters
        ----------
        url
            ``sqlite:///outputs/nasweave.db`` or ``postgresql://user:password@host/database``.
        busy_timeout_s
            Seconds that SQLite waits for another process before the database counts as locked.

        Raises
        ------
        StoreError
            The database cannot be used; the line says why and what to do.
        """
        parsed = parse_url(url)
        where = redacted_url(parsed.render_as_string(hide_password=False))
        with clear_errors(where):
            engine = connect(parsed, busy_timeout_s=busy_timeout_s)
            try:
                if engine.dialect.name == "sqlite":
                    use_write_ahead_log(engine, busy_timeout_s=busy_timeout_s)
                migrate(engine, where=where)
            except BaseException:
                engine.dispose()
                raise
        return cls(engine)

    def close(self) -> None:
        """Close all connections; the store may be used again and then opens new ones."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._where!r})"

    def _insert_new(self, session: Session, table: type[Base], row: Mapping[str, Any]) -> bool:
        """Insert a row unless one of the same unique columns exists; say whether it was new."""
        insert = self._insert(table).values(**row).on_conflict_do_nothing()
        return session.scalar(insert.returning(table.__table__.c.id)) is not None

    @contextmanager
    def _read(self) -> Iterator[Session]:
        with clear_errors(self._where), Session(self._engine) as session, session.begin():
            try:
                yield session
            except (ValueError, TypeError) as error:  # a column of another type, which SQLite keeps
                raise unreadable(reason_of(error)) from error

    @contextmanager
    def _write(self) -> Iterator[Session]:
        with clear_errors(self._where), Session(self._writer) as session, session.begin():
            yield session
