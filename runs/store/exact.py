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

from sqlalchemy import DateTime
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

__all__ = ["UtcDateTime", "dumps", "json_object", "objectives", "utc_now"]


def utc_now() -> datetime:
    """Return the present time, aware, in UTC."""
    return datetime.now(UTC)


def dumps(value: object) -> str:
    """Encode a JSON column; floats are written with the fewest digits that read back as the same number."""
    return json.dumps(value, allow_nan=False, ensure_ascii=True, separators=(",", ":"))


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
        assert value.tzinfo is not None, "a naive time has no meaning in a shared database"
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return an aware time in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
