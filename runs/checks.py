"""Checks of configured values: what is illegal is named by its key."""

from __future__ import annotations

from search_space.errors import ConfigError

__all__ = ["check_value"]


def check_value(key: str, value: object, expected: str, legal: object, *, remedy: str = "correct the override") -> None:
    """Raise ``ConfigError`` for a value of a key unless ``legal`` is true."""
    if not legal:
        raise ConfigError(key, expected=expected, got=repr(value)[:200], remedy=remedy)
