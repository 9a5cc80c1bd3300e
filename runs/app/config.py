"""The typed configuration from what Hydra composed. ``DictConfig`` stops here."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, TypeVar

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from runs.pipeline.config import Config
from search_space.errors import ConfigError

__all__ = ["Config", "from_hydra"]

T = TypeVar("T")


def from_hydra(composed: DictConfig) -> Config:
    """Return the typed form; raises ``ConfigError`` naming the key for anything unknown, missing or of a wrong type."""
    try:
        data = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise ConfigError(
            str(error.full_key or "configuration"),
            expected="a value",
            got="none",
            remedy=str(error.msg or error).splitlines()[0],
        ) from error
    return _build(Config, data, "")


def _build(kind: type[T], data: Any, where: str) -> T:
    if not isinstance(data, Mapping):
        raise ConfigError(where, expected="a group of keys", got=repr(data), remedy="choose an option of the group")
    hints = typing.get_type_hints(kind)
    known = {f.name: f for f in fields(kind)}  # type: ignore[arg-type]
    for key in data:
        if key not in known:
            raise ConfigError(
                f"{where}{key}",
                expected=f"one of {', '.join(sorted(known))}",
                got=repr(key),
                remedy="correct or remove it",
            )
    for name, f in known.items():
        if name not in data and f.default is MISSING and f.default_factory is MISSING:
            raise ConfigError(f"{where}{name}", expected="a value", got="nothing", remedy="add it")
    return kind(**{key: _value(hints[key], value, f"{where}{key}") for key, value in data.items()})


def _value(hint: Any, value: Any, where: str) -> Any:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if is_dataclass(hint):
        return _build(typing.cast(type, hint), value, f"{where}.")
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
        return float(value)
    elif isinstance(hint, type) and isinstance(value, hint) and not (isinstance(value, bool) and hint is int):
        return value
    name = getattr(hint, "__name__", None) if origin is None else None
    raise ConfigError(where, expected=f"a value of type {name or hint}", got=repr(value), remedy="correct the override")
