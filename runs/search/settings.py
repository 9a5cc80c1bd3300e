"""The settings of a sampler: a frozen dataclass beside it, filled from a configuration or from keywords.

A setting of ``None`` is derived from the number of trials; the docstring of each says how.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import field, fields
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from search_space.errors import ConfigError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["at_least", "settings_from"]

S = TypeVar("S", bound="DataclassInstance")


def at_least(least: int, *, default: Any = None) -> Any:
    """Return a field of a settings dataclass whose value is ``least`` or more, or ``None`` where that is allowed."""
    return field(default=default, metadata={"least": least})


def settings_from(kind: type[S], given: Mapping[str, object], *, sampler: str, where: str = "search.settings") -> S:
    """Return settings with what is ``given``, and defaults for the rest.

    Parameters
    ----------
    kind
        The settings dataclass of a sampler.
    given
        Values by name.
    sampler, where
        The sampler and what comes before a name, for messages.

    Raises
    ------
    ConfigError
        A name is unknown, or a value has another type or is too small; it says what is allowed.
    """
    hints, known = get_type_hints(kind), {f.name: f for f in fields(kind)}
    for name, value in given.items():
        if name not in known:
            close = get_close_matches(name, known, n=1)
            remove = f"remove it, or choose the sampler by its group, search={sampler}"
            raise ConfigError(
                f"{where}.{name}",
                expected=f"a setting of {sampler} ({', '.join(known) or 'it has none'})",
                got=repr(name),
                remedy=f"write {close[0]}" if close else remove,
            )
        allowed, least = _types(hints[name]), known[name].metadata.get("least")
        fits = type(value) in allowed or (type(value) is int and float in allowed)
        if not fits or (least is not None and isinstance(value, int | float) and value < least):
            words = " or ".join("null" if t is types.NoneType else t.__name__ for t in allowed)
            raise ConfigError(
                f"{where}.{name}",
                expected=words if least is None else f"{words}, {least} or more",
                got=repr(value),
                remedy="correct the setting",
            )
    settings: S = kind(**given)
    return settings


def _types(hint: Any) -> tuple[type, ...]:
    return get_args(hint) if get_origin(hint) in (types.UnionType, Union) else (hint,)
