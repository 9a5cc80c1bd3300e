"""JSON and times that come back from the database as they went in.

JSON has no NaN or infinity, and Python's encoder would quietly turn the key ``1`` into ``"1"`` and write a ``NaN`` that
no other reader accepts; both are refused here, before a statement is built.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from search_space.errors import StoreError
from search_space.schema import MalformedError, number, parse_json, shown, table, text

__all__ = ["Entries", "Numbers", "UtcDateTime", "dumps", "json_object", "loads", "objectives", "unreadable", "utc_now"]

_VALUES = table(text(longest=200), number(), most=10_000)


def utc_now() -> datetime:
    """Return the present time, aware, in UTC."""
    return datetime.now(UTC)


def dumps(value: object) -> str:
    """Encode a JSON column; floats are written with the fewest digits that read back as the same number."""
    return json.dumps(value, allow_nan=False, ensure_ascii=True, separators=(",", ":"))


def loads(content: str | bytes) -> Any:
    """Decode a JSON column; raises ``StoreError`` for what this program would not have written."""
    try:
        return parse_json(content)
    except MalformedError as error:
        raise unreadable(str(error)) from error


def unreadable(reason: str) -> StoreError:
    """Return the error for a value of the database that is not as one is written."""
    return StoreError(
        "database",
        expected="values as nasweave writes them",
        got=reason,
        remedy="restore the database, or choose another name= for a new run",
    )


def json_object(mapping: Mapping[str, Any], *, parameter: str) -> dict[str, Any]:
    """Return a copy made of dicts, lists, strings, finite numbers, booleans and None.

    Raises
    ------
    ValueError
        Something in it would not come back from JSON as it went in: NaN, infinity, a key that is no string, an array.
    """
    if not isinstance(mapping, Mapping):
        raise ValueError(f"{parameter}: expected a mapping, got {type(mapping).__name__}")
    copy: dict[str, Any] = _plain(mapping, parameter)
    return copy


def objectives(values: Mapping[str, float], *, parameter: str) -> dict[str, float]:
    """Return objectives by name as Python floats, whatever kind of number they were.

    Raises
    ------
    ValueError
        A value is NaN or infinite, or a name is no string.
    """
    return json_object({name: float(value) for name, value in values.items()}, parameter=parameter)


def _plain(value: object, where: str) -> Any:
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{where}: expected a finite number, got {value!r}")
        return float(value)
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise ValueError(f"{where}: expected keys that are strings, got {key!r}")
        return {key: _plain(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, f"{where}[{index}]") for index, item in enumerate(value)]
    raise ValueError(f"{where}: expected a value that JSON can hold, got {type(value).__name__}")


class UtcDateTime(TypeDecorator[datetime]):
    """A time that is aware and in UTC on every database: SQLite forgets the zone, PostgreSQL returns its session's."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn an aware time into UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive time has no meaning in a shared database")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return an aware time in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Entries(TypeDecorator[dict[str, Any]]):
    """A JSON column of entries by name, which is nothing else when it comes back."""

    impl = JSON(none_as_null=True)
    cache_ok = True

    def process_result_value(self, value: Any | None, dialect: Dialect) -> dict[str, Any] | None:
        """Return the entries; raises ``StoreError`` for anything else."""
        if value is None or isinstance(value, dict):
            return value
        raise unreadable(shown(value))


class Numbers(Entries):
    """A JSON column of finite numbers by name."""

    cache_ok = True

    def process_result_value(self, value: Any | None, dialect: Dialect) -> dict[str, Any] | None:
        """Return the numbers; raises ``StoreError`` for anything else."""
        try:
            return None if value is None else _VALUES(value)
        except MalformedError as error:
            raise unreadable(str(error)) from error
