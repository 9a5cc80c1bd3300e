"""Data of unknown origin: parsed with limits, and every field of a known kind and range before anything uses it.

A check takes a value, and returns it or raises :class:`MalformedError`, which names the field. It needs the standard
library alone, for ``bench.py`` and bundles carry this file to where there is no library of schemas.
"""

from __future__ import annotations

import json
import math
import os
import re
import stat
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

__all__ = [
    "LONGEST_NAME",
    "Check",
    "MalformedError",
    "file_path",
    "file_word",
    "hexadecimal",
    "integer",
    "is_file_name",
    "items",
    "moment",
    "number",
    "one_of",
    "optional",
    "parse_json",
    "read_file",
    "record",
    "scalar",
    "shown",
    "table",
    "text",
    "word",
]

Check = Callable[[Any], Any]
_SHOWN = 80
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,99}")
_FILE_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")
_FORBIDDEN = frozenset('/\\:*?"<>|')
_DEVICES = {"CON", "PRN", "AUX", "NUL", *(f"{port}{i}" for port in ("COM", "LPT") for i in range(10))}  # of Windows
LONGEST_NAME, _LONGEST_PATH = 200, 500  # a name has at most 255 bytes, and other names are made from it


class MalformedError(ValueError):
    """A value that is of another kind or out of its range.

    Parameters
    ----------
    reason
        What was expected and what came.
    where
        The field, such as ``layers[3].ratio``; empty for the whole.
    """

    def __init__(self, reason: str, *, where: str = "") -> None:
        self.reason, self.where = reason, where
        super().__init__(f"{where}: {reason}" if where else reason)

    def within(self, name: str) -> MalformedError:
        """Return the same of a field within another one."""
        joint = "" if not self.where or self.where.startswith("[") else "."
        return MalformedError(self.reason, where=f"{name}{joint}{self.where}")


def shown(value: object) -> str:
    """Return a value in a few printable characters, for a line that refuses it."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**18:
        return "a number of many digits"
    found = ascii(value[: 2 * _SHOWN] if isinstance(value, str | bytes | list | tuple) else value)
    return found if len(found) <= _SHOWN else f"{found[:_SHOWN]}..."


def read_file(path: Path, *, most_bytes: int) -> bytes:
    """Return the content of an ordinary file that is not too large.

    Raises
    ------
    MalformedError
        It is a pipe, a device or a folder, or larger.
    OSError
        It cannot be read.
    """
    # A pipe is opened without waiting for who writes into it.
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise MalformedError("expected a file, got a pipe, a device or a folder")
        if os.fstat(handle).st_size > most_bytes:
            raise MalformedError(f"expected at most {most_bytes} bytes, got more")
        return file.read()


def parse_json(content: str | bytes) -> Any:
    """Return what a JSON text says; raises :class:`MalformedError` where it says nothing, or a key twice."""
    if not isinstance(content, str | bytes):  # what a database may hold in place of a text
        raise MalformedError(f"expected JSON, got {shown(content)}")
    try:
        return json.loads(
            content if isinstance(content, str) else content.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_no_number,
        )
    except RecursionError:
        raise MalformedError("JSON that is nested too deeply") from None
    except MalformedError:
        raise
    except (ValueError, TypeError) as error:
        raise MalformedError(f"no JSON ({error})") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise MalformedError("a key that is there twice")
    return found


def _no_number(name: str) -> float:
    raise MalformedError(f"expected numbers, got {name}")


def integer(low: int, high: int) -> Callable[[Any], int]:
    """Accept whole numbers from ``low`` to ``high``."""

    def check(value: Any) -> int:
        if type(value) is not int or not low <= value <= high:
            raise MalformedError(f"expected an integer from {low} to {high}, got {shown(value)}")
        return value

    return check


def number(low: float = -math.inf, high: float = math.inf) -> Callable[[Any], float]:
    """Accept finite numbers from ``low`` to ``high``, as floats."""

    def check(value: Any) -> float:
        legal = isinstance(value, int | float) and not isinstance(value, bool)
        if not legal or not low <= value <= high or not _is_finite(value):
            raise MalformedError(f"expected a number from {low:g} to {high:g}, got {shown(value)}")
        return float(value)

    return check


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number that no float holds
        return False


def text(*, longest: int = 1000) -> Callable[[Any], str]:
    """Accept printable text in one line."""

    def check(value: Any) -> str:
        if not isinstance(value, str) or len(value) > longest or not value.isprintable():
            raise MalformedError(f"expected a line of at most {longest} printable characters, got {shown(value)}")
        return value

    return check


def moment(value: Any) -> str:
    """Accept a time in ISO 8601."""
    found = text(longest=60)(value)
    try:
        datetime.fromisoformat(found)
    except ValueError:
        raise MalformedError(f"expected a time in ISO 8601, got {shown(value)}") from None
    return found


def word(value: Any) -> str:
    """Accept the name of a member of a registry."""
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        raise MalformedError(f"expected a name of letters, digits and _ . -, got {shown(value)}")
    return value


def scalar(value: Any) -> int | float | str | bool:
    """Accept a finite number, a line of text or a truth value, as options of blocks are."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return integer(-(2**63), 2**63 - 1)(value)
    return number()(value) if isinstance(value, float) else text()(value)


def hexadecimal(digits: int) -> Callable[[Any], str]:
    """Accept a hash, or what else is written in so many small hexadecimal digits."""

    def check(value: Any) -> str:
        if not isinstance(value, str) or len(value) != digits or set(value) - set("0123456789abcdef"):
            raise MalformedError(f"expected {digits} hexadecimal digits, got {shown(value)}")
        return value

    return check


def is_file_name(name: object) -> bool:
    """Whether a value is the name of one file or folder, on every system, and leads to no other."""
    return (
        isinstance(name, str)
        and 0 < len(name.encode(errors="replace")) <= LONGEST_NAME
        and name.isprintable()
        and not set(name) & _FORBIDDEN
        and not name.endswith((".", " "))
        and name.partition(".")[0].upper() not in _DEVICES
    )


def file_word(value: Any) -> str:
    """Accept what can be a part of a file's name."""
    if not is_file_name(value) or not _FILE_WORD.fullmatch(value):
        raise MalformedError(f"expected letters, digits and . _ + - for a part of a file's name, got {shown(value)}")
    return str(value)


def file_path(value: Any) -> str:
    """Accept the path of a file below a folder, with ``/`` between its parts."""
    if not isinstance(value, str) or len(value) > _LONGEST_PATH or not all(map(is_file_name, value.split("/"))):
        raise MalformedError(f"expected the name of a file inside the folder, got {shown(value)}")
    return value


def one_of(*values: object) -> Check:
    """Accept some values alone."""

    def check(value: Any) -> Any:
        if not any(type(value) is type(known) and value == known for known in values):
            raise MalformedError(f"expected {' or '.join(map(str, values))}, got {shown(value)}")
        return value

    return check


def optional(inner: Check) -> Check:
    """Accept ``None`` too."""
    return lambda value: None if value is None else inner(value)


def items(inner: Check, *, most: int, least: int = 0) -> Callable[[Any], tuple[Any, ...]]:
    """Accept a list, as a tuple."""

    def check(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple) or not least <= len(value) <= most:
            raise MalformedError(f"expected a list of {least} to {most} entries, got {shown(value)}")
        return tuple(_of(f"[{i}]", inner, item) for i, item in enumerate(value))

    return check


def table(key: Check, inner: Check, *, most: int) -> Callable[[Any], dict[str, Any]]:
    """Accept entries by name."""

    def check(value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping) or len(value) > most:
            raise MalformedError(f"expected at most {most} entries by name, got {shown(value)}")
        return {_of("a name", key, name): _of(str(name), inner, item) for name, item in value.items()}

    return check


def record(fields: Mapping[str, Check], *, may_lack: Collection[str] = ()) -> Callable[[Any], dict[str, Any]]:
    """Accept a mapping with these fields and no others; what it may lack is absent from the result, too."""
    names = ", ".join(fields)

    def check(value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise MalformedError(f"expected {names} by name, got {shown(value)}")
        unknown = next((name for name in value if name not in fields), None)
        if unknown is not None:
            raise MalformedError(f"expected no field {shown(unknown)}, but {names}")
        missing = next((name for name in fields if name not in value and name not in may_lack), None)
        if missing is not None:
            raise MalformedError("expected a value, got none", where=missing)
        return {name: _of(name, inner, value[name]) for name, inner in fields.items() if name in value}

    return check


def _of(name: str, inner: Check, value: Any) -> Any:
    try:
        return inner(value)
    except MalformedError as error:
        raise error.within(name) from None
