"""Durations as people write them: ``90s``, ``5m``, ``1.5h``, or a bare number of seconds."""

from __future__ import annotations

import re

from search_space.errors import ConfigError

__all__ = ["duration_text", "seconds"]

_MOST_S = 366 * 86400.0
_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(text: str | float, *, parameter: str) -> float:
    """Return the seconds; raises ``ConfigError`` naming ``parameter`` for anything but a positive duration."""
    match = re.fullmatch(r"\s*([0-9.]+)\s*([smh]?)\s*", str(text))
    try:
        value = float(match[1]) * _UNITS[match[2]] if match else 0.0
    except ValueError:
        value = 0.0
    if not 0 < value <= _MOST_S:
        expected = "a duration such as 90s, 5m or 1h, of a year at most"
        raise ConfigError(parameter, expected=expected, got=repr(text)[:80], remedy="correct the override")
    return value


def duration_text(value: float) -> str:
    """Return seconds as a reader likes them: in seconds, minutes or hours."""
    if value < 100:
        return f"{value:.0f} s"
    return f"{value / 60:.1f} min" if value < 6000 else f"{value / 3600:.1f} h"
