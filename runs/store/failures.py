"""What databases say when they cannot go on, turned into one line that says what to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from runs.store.secrets import redacted
from search_space.errors import StoreError

__all__ = ["UnreachableError", "clear_errors"]

_ANOTHER = "choose another store.url"
_SQLITE = {
    sqlite3.SQLITE_BUSY: (
        "a database that is not locked",
        "stop the other process that writes to it, or use PostgreSQL, which many processes can share",
    ),
    sqlite3.SQLITE_LOCKED: ("a database that is not locked", "stop the other process that writes to it"),
    sqlite3.SQLITE_READONLY: (
        "a database that can be written",
        f"give write permission to the file and its folder, or {_ANOTHER}",
    ),
    sqlite3.SQLITE_PERM: ("a database that can be written", f"give write permission to the file, or {_ANOTHER}"),
    sqlite3.SQLITE_IOERR: (
        "a disk that works",
        f"check the disk and its free space, then repeat the command; on a network file system {_ANOTHER}",
    ),
    sqlite3.SQLITE_CORRUPT: ("an intact database", f"restore the file from a copy, or {_ANOTHER}"),
    sqlite3.SQLITE_FULL: (
        "free disk space",
        "free some space and repeat the command: it continues where it stopped",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "a file that can be opened and written",
        f"check the path and its permissions, or {_ANOTHER}",
    ),
    sqlite3.SQLITE_NOTADB: ("an SQLite database", f"move that file away, or {_ANOTHER}"),
}
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_POSTGRESQL = {
    "25006": ("a server that accepts writes", "connect to the primary server"),
    "28": ("a server that lets this user in", "check user and password in store.url"),
    "3D": ("a database that exists", "create it with createdb, or correct store.url"),
    "42501": ("a user with the right to create and write tables", "grant it, or use another user in store.url"),
    "40": ("a statement that other processes leave time for", "repeat the command: it continues where it stopped"),
    "53": ("a server with free resources", "free disk space or connections there and repeat the command"),
    "55P03": ("a database that is not locked", "stop the other process that holds the lock"),
}
_UNREACHABLE = ("a server that can be reached", "start the server, or correct host, port and database in store.url")
_REPLACED = (
    "the run and tables that this process found when it started",
    "repeat the command; was the database replaced?",
)
_PASSING = (_UNREACHABLE, _POSTGRESQL["40"], _POSTGRESQL["53"])
_OTHER = ("a database that can execute the statement", "repeat the command; if it fails again, report this line")


class UnreachableError(StoreError):
    """A server that cannot be reached now, or is too busy; it may be back in a moment."""


@contextmanager
def clear_errors(where: str) -> Iterator[None]:
    """Raise ``StoreError`` about the database ``where`` for what the database or its driver raises.

    Raises
    ------
    StoreError
        The database is locked, full, read-only, corrupt or was replaced under our feet; ``UnreachableError`` when it
        cannot be reached or is too busy, so that trying again may help.
    """
    try:
        yield
    except PoolTimeoutError as error:
        raise _store_error(where, _UNREACHABLE, error) from error
    except DBAPIError as error:
        driver_error = error.orig if error.orig is not None else error
        raise _store_error(where, _diagnosis(driver_error, error), driver_error) from error
    except (sqlite3.Error, OSError) as error:
        raise _store_error(where, _diagnosis(error, None), error) from error


def _store_error(where: str, diagnosis: tuple[str, str], error: BaseException) -> StoreError:
    expected, remedy = diagnosis
    kind = UnreachableError if diagnosis in _PASSING else StoreError
    said = redacted(str(error).strip()) or type(error).__name__
    return kind(where, expected=expected, got=f'"{said}"', remedy=remedy)


def _diagnosis(driver_error: BaseException, error: DBAPIError | None) -> tuple[str, str]:
    if isinstance(error, IntegrityError) or "no such table" in str(driver_error):
        return _REPLACED
    if isinstance(driver_error, OSError):
        return _SQLITE[sqlite3.SQLITE_CANTOPEN]
    if isinstance(driver_error, sqlite3.Error):
        # The low byte is the error, the rest its extension. Errors of the Python module itself carry no code.
        code = getattr(driver_error, "sqlite_errorcode", 0)
        return _SQLITE.get(code & 0xFF, _OTHER)
    state = getattr(driver_error, "sqlstate", None)
    if state is None or state.startswith(("08", "57P")):
        text = str(driver_error)
        if "authentication" in text or "role" in text:
            return _POSTGRESQL["28"]
        return _POSTGRESQL["3D"] if "does not exist" in text else _UNREACHABLE
    if state == "42P01":
        return _REPLACED
    for length in (5, 2):
        if state[:length] in _POSTGRESQL:
            return _POSTGRESQL[state[:length]]
    return _OTHER
