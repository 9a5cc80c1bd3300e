"""Values of Python in Hydra's grammar, in which ``(1)``, ``#``, ``=`` and quotes have meanings."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

__all__ = ["literal", "quoted"]

_WORD = re.compile(r"[A-Za-z_][\w./-]*", re.ASCII)  # a text that needs no quotes, unless it is one of these
_VALUES = ("true", "false", "null", "nan", "inf")


def quoted(text: str) -> str:
    """Return a text in Hydra's quotes, in which backslashes are doubled only before a quote and at the end."""
    return "'" + re.sub(r"(\\*)('|\Z)", lambda m: 2 * m[1] + (m[2] and "\\'"), text) + "'"


def literal(value: object) -> str:
    """Return a value of Python in Hydra's grammar."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}:{literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, str):
        return value if _WORD.fullmatch(value) and value.lower() not in _VALUES else quoted(value)
    if isinstance(value, Sequence):
        return "[" + ",".join(literal(item) for item in value) + "]"
    return str(value)
