"""Frozen dataclasses from nested mappings, every type checked; and the keys that such classes have."""

from __future__ import annotations

import difflib
import re
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from search_space.errors import ConfigError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["build", "defaults", "hints_by_key", "nearest"]

T = TypeVar("T", bound="DataclassInstance")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def build(kind: type[T], data: object, *, where: str = "") -> T:
    """Return an instance; raises ``ConfigError`` naming the key for anything unknown, missing or of a wrong type."""
    if not isinstance(data, Mapping):
        raise ConfigError(where, expected="a group of keys", got=repr(data), remedy="choose an option of the group")
    prefix = f"{where}." if where else ""
    hints = typing.get_type_hints(kind)
    known = {f.name: f for f in fields(kind)}
    for key in data:
        if key not in known:
            close = nearest(str(key), known)
            raise ConfigError(
                f"{prefix}{key}",
                expected=f"one of {', '.join(sorted(known))}",
                got=repr(key),
                remedy="correct or remove it" if close is None else f"write {prefix}{close}",
            )
    for name, f in known.items():
        if name not in data and f.default is MISSING and f.default_factory is MISSING:
            raise ConfigError(f"{prefix}{name}", expected="a value", got="nothing", remedy="add it")
    return kind(**{key: _value(hints[key], value, f"{prefix}{key}") for key, value in data.items()})


def _value(hint: Any, value: Any, where: str) -> Any:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if is_dataclass(hint):
        return build(typing.cast(type, hint), value, where=where)
    if origin in (types.UnionType, typing.Union):
        for option in args:
            try:
                return _value(option, value, where)
            except ConfigError:
                continue
    elif hint in (type(None), None):
        if value is None:
            return None
    elif origin in (tuple, list) and isinstance(value, list | tuple):
        return tuple(_value(args[0], item, f"{where}[{i}]") for i, item in enumerate(value))
    elif origin in (dict, Mapping) and isinstance(value, Mapping):
        return {str(k): _value(args[1], item, f"{where}.{k}") for k, item in value.items()}
    elif hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return _float(value, where)
    elif hint is str and isinstance(value, str):
        return _text(value, where)
    elif hint is int and isinstance(value, int) and not isinstance(value, bool):
        return _integer(value, where)
    elif isinstance(hint, type) and isinstance(value, hint) and hint is not int:
        return value
    name = getattr(hint, "__name__", None) if origin is None else None
    raise ConfigError(where, expected=f"a value of type {name or hint}", got=repr(value), remedy="correct the override")


def _integer(value: int, where: str) -> int:
    if not -(2**63) <= value < 2**63:
        raise ConfigError(where, expected="an integer of 64 bits", got="a larger one", remedy="correct it")
    return value


def _float(value: float, where: str) -> float:
    try:
        return float(value)
    except OverflowError:
        raise ConfigError(
            where, expected="a number that a float holds", got="a larger one", remedy="correct it"
        ) from None


def _text(value: str, where: str) -> str:
    if _CONTROL.search(value):
        raise ConfigError(
            where, expected="text without control characters", got=repr(value[:60]), remedy="correct the override"
        )
    return value


def defaults(kind: type) -> dict[str, Any]:
    """Return the defaults that a dataclass and those within it declare, as nested mappings."""
    found: dict[str, Any] = {}
    hints = typing.get_type_hints(kind)
    for f in fields(kind):
        if is_dataclass(hints[f.name]):
            found[f.name] = defaults(typing.cast(type, hints[f.name]))
        elif f.default is not MISSING:
            found[f.name] = list(f.default) if isinstance(f.default, tuple) else f.default
        elif f.default_factory is not MISSING:
            found[f.name] = f.default_factory()
    return found


def hints_by_key(kind: type, *, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Give every dotted key below a dataclass with its type, those of nested dataclasses in their place."""
    for name, hint in typing.get_type_hints(kind).items():
        if is_dataclass(hint):
            yield from hints_by_key(typing.cast(type, hint), prefix=f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", hint


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that a mistyped one is most like, or ``None`` where none is."""
    words = list(known)
    close = difflib.get_close_matches(word, words, n=1, cutoff=0.7)
    if close:
        return close[0]
    last = {w.rpartition(".")[2]: w for w in reversed(words)}
    close = difflib.get_close_matches(word.rpartition(".")[2], last, n=1, cutoff=0.8)
    return last[close[0]] if close else None
