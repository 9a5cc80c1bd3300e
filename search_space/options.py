"""The values that the options of a block have in one network, where a space searches several: sorted pairs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from search_space.schema import scalar, table, word

__all__ = ["OPTIONS", "Options", "Scalar", "as_options", "normal_options", "options_text"]

Scalar = int | float | str | bool
Options = tuple[tuple[str, Scalar], ...]
"""Name and value of each option that is searched, in the order of the names; empty where none is."""
OPTIONS = table(word, scalar, most=100)
"""What options may be, in files of any origin."""


def as_options(values: Mapping[str, Scalar] | Iterable[tuple[str, Scalar]]) -> Options:
    """Return options, given by name or as pairs, in their one form."""
    return tuple(sorted(dict(values).items()))


def options_text(options: Options) -> str:
    """Return options as one word: ``(kernel=3,width=32)``, nothing where there are none."""
    return f"({','.join(f'{name}={value}' for name, value in options)})" if options else ""


def normal_options(options: Any) -> Any:
    """Return the options of blocks with tuples for lists, and a value for a list of one.

    What has another form is given back as it is, for who checks it to refuse.
    """

    def normal(value: Any) -> Any:
        if not isinstance(value, list | tuple):
            return value
        return value[0] if len(value) == 1 else tuple(value)

    if not isinstance(options, Mapping) or not all(isinstance(own, Mapping) for own in options.values()):
        return options
    return {key: {name: normal(value) for name, value in own.items()} for key, own in options.items()}
