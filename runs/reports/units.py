"""Numbers as people read them, with their units: ``0.412 ms``, ``97.2 %``, ``183 kB``, ``1.24 M``.

Units are ``ms``, ``s``, ``%``, ``bytes``, ``count`` and, for anything else, the unit as it is written.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from runs.objectives.quantity import Quantity

__all__ = ["bound_text", "duration", "label_of", "number", "quantity", "scale", "unit_of", "words"]

_PERCENT = ("_error", "accuracy")
_STEPS = {
    "bytes": ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "B")),
    "count": ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, "")),
}
_ALIASES = {"percent": "%", "B": "bytes", "byte": "bytes", "milliseconds": "ms", "1": "", "": ""}
_LABELS = {"params": "parameters", "flops": "FLOPs"}


def unit_of(name: str) -> str:
    """Return the unit that the name of a value ends in; ``params`` and ``flops`` are counts."""
    asked = Quantity.parse(name)
    if asked.base in _LABELS:
        return "count"
    return asked.unit or ("%" if asked.base.endswith(_PERCENT) else "")


def label_of(name: str) -> str:
    """Return the name of a value in words, without its unit: ``latency_ms@phone`` is ``latency on phone``."""
    asked = Quantity.parse(name)
    label = _LABELS.get(asked.stem, asked.stem.replace("_", " "))
    return label if asked.device is None else f"{label} on {asked.device}"


def words(label: str) -> str:
    """Return a label as it stands inside a sentence: ``validation error``, but ``FLOPs``."""
    return label if label[1:2].isupper() else label[:1].lower() + label[1:]


def number(value: float) -> str:
    """Return three significant digits, without an exponent between 0.001 and a million: ``0.450``, ``1250``."""
    if value == 0:
        return "0"
    if not 1e-3 <= abs(value) < 1e6:
        return f"{value:.2e}"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"


def quantity(value: float | None, unit: str) -> str:
    """Return a value with its unit, ``—`` for none; percents get one decimal, bytes and counts a prefix."""
    if value is None:
        return "—"
    unit = _ALIASES.get(unit, unit)
    if unit == "%":
        return f"{value:.1f} %"
    if unit in _STEPS:
        factor, name = _step((value,), unit)
        text = f"{value:.0f}" if factor == 1.0 else number(value / factor)
        return f"{text} {name}".rstrip()
    return f"{number(value)} {unit}".rstrip()


def bound_text(value: float, unit: str) -> str:
    """Return a bound as its author wrote it, without zeros at the end: ``0.5 ms``, ``200 kB``."""
    unit = _ALIASES.get(unit, unit)
    factor, name = _step((value,), unit) if unit in _STEPS else (1.0, unit)
    return f"{value / factor:g} {name}".rstrip()


def duration(seconds: float) -> str:
    """Return seconds as ``8.2 s``, ``3 min 12 s`` or ``1 h 04 min``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def scale(values: Iterable[float], unit: str) -> tuple[float, str]:
    """Return by what to divide all values of an axis, and the unit they then have."""
    unit = _ALIASES.get(unit, unit)
    return _step(tuple(values), unit) if unit in _STEPS else (1.0, unit)


def _step(values: tuple[float, ...], unit: str) -> tuple[float, str]:
    largest = max((abs(v) for v in values), default=0.0)
    return next((step for step in _STEPS[unit] if largest >= step[0]), _STEPS[unit][-1])
