"""The keys whose defaults stand in dataclasses, with what their docstrings say of them."""

from __future__ import annotations

import inspect
import re
import textwrap
import typing
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass

from runs.app.schema.keys import literal
from runs.pipeline.config import Config

__all__ = ["declared_keys"]

_PARAMETERS = re.compile(r"Parameters\n-+\n(.*?)(?=\n\n|\n\w+\n-+\n|\Z)", re.DOTALL)
_ENTRY = re.compile(r"^(\w+(?:, \w+)*)\n((?:    .*(?:\n|\Z))+)", re.MULTILINE)


def declared_keys(kind: type = Config, *, prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Give every key that has its default in a dataclass: the dotted key, the default, and what it means."""
    meanings = _meanings(kind)
    hints = typing.get_type_hints(kind)
    for f in fields(kind):
        hint = hints[f.name]
        if is_dataclass(hint):
            yield from declared_keys(typing.cast(type, hint), prefix=f"{prefix}{f.name}.")
        elif f.default is not MISSING:
            yield f"{prefix}{f.name}", literal(f.default).strip("'"), meanings.get(f.name, "")


def _meanings(kind: type) -> dict[str, str]:
    """Return the descriptions of the parameters in a numpydoc docstring."""
    section = _PARAMETERS.search(inspect.cleandoc(kind.__doc__ or ""))
    found = {}
    for names, text in _ENTRY.findall(section[1] if section else ""):
        described = " ".join(textwrap.dedent(text).split())
        found.update(dict.fromkeys(names.split(", "), described))
    return found
