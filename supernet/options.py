"""Reading the constants that a space may set for a block."""

from __future__ import annotations

from collections.abc import Mapping

from search_space.spec import BlockShape, Scalar

__all__ = ["KV_HEADS", "integer_option", "integer_problem", "kv_heads_problem", "kv_heads_settled"]


KV_HEADS: dict[str, Scalar] = {"kv_heads": "all"}
"""The option of attention whose keys and values may have fewer heads than queries: a number, or all."""


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


def kv_heads_problem(shape: BlockShape) -> str | None:
    """Return what is wrong with the option ``kv_heads``, or ``None``."""
    value = shape.options.get("kv_heads", "all")
    if value == "all":
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        return f"kv_heads {value!r} is neither all nor an integer of at least 1"
    return f"kv_heads {value} does not divide num_heads {shape.num_heads}" if shape.num_heads % value else None


def kv_heads_settled(shape: BlockShape) -> Mapping[str, Scalar]:
    """Return the option ``kv_heads`` as a number."""
    return {"kv_heads": shape.kv_heads}
