"""Reading the constants that a space may set for a block."""

from __future__ import annotations

from collections.abc import Mapping

from search_space.spec import BlockShape, Scalar

__all__ = ["integer_option", "integer_problem"]


def integer_option(shape: BlockShape, defaults: Mapping[str, Scalar], name: str) -> int:
    """Return the integer constant ``name``: the space's value, or the block's default."""
    return int(shape.options.get(name, defaults[name]))


def integer_problem(
    shape: BlockShape, defaults: Mapping[str, Scalar], name: str, *, least: int = 1, odd: bool = False
) -> str | None:
    """Return what is wrong with an integer constant, or ``None``."""
    value = shape.options.get(name, defaults[name])
    if isinstance(value, bool) or not isinstance(value, int) or value < least or (odd and value % 2 == 0):
        return f"{name} {value!r} is not {'an odd' if odd else 'an'} integer of at least {least}"
    return None
