"""Reading the constants that a space may set for a block."""

from __future__ import annotations

from collections.abc import Mapping

from search_space.spec import BlockShape, Scalar

__all__ = [
    "ATTENTION",
    "CACHE",
    "CACHES",
    "KV_HEADS",
    "POSITIONS",
    "attention_problem",
    "attention_settled",
    "cache_problem",
    "int8_cache",
    "integer_option",
    "integer_problem",
    "kv_heads_problem",
    "kv_heads_settled",
    "positions_problem",
    "rotary",
]


KV_HEADS: dict[str, Scalar] = {"kv_heads": "all"}
"""The option of attention whose keys and values may have fewer heads than queries: a number, or all."""

CACHES, CACHE = ("float", "int8"), {"cache": "float"}
"""The option of attention whose keys and values may be remembered as 8-bit integers, and its values."""

POSITIONS = ("none", "rotary")
ATTENTION: dict[str, Scalar] = {**KV_HEADS, "positions": "none", **CACHE}
"""The options of attention by content, in which queries and keys may be turned by their places."""


def attention_problem(shape: BlockShape) -> str | None:
    """Return what is wrong with the options of attention, or ``None``."""
    return kv_heads_problem(shape) or positions_problem(shape) or cache_problem(shape)


def positions_problem(shape: BlockShape) -> str | None:
    """Return what is wrong with the option ``positions``, or ``None``: rotary ones turn pairs of features."""
    value = shape.options.get("positions", "none")
    if value not in POSITIONS:
        return f"positions {value!r} is neither none nor rotary"
    odd = rotary(shape) and shape.head_dim % 2
    return f"positions are rotary and head_dim {shape.head_dim} is odd" if odd else None


def cache_problem(shape: BlockShape) -> str | None:
    """Return what is wrong with the option ``cache``, or ``None``."""
    value = shape.options.get("cache", "float")
    return None if value in CACHES else f"cache {value!r} is neither float nor int8"


def int8_cache(shape: BlockShape) -> bool:
    """Return whether the option ``cache`` wants 8-bit integers; only what decodes remembers anything."""
    return shape.task.causal and shape.options.get("cache", "float") == "int8"


def rotary(shape: BlockShape) -> bool:
    """Return whether the option ``positions`` wants rotary ones."""
    return shape.options.get("positions", "none") == "rotary"


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


def attention_settled(shape: BlockShape) -> Mapping[str, Scalar]:
    """Return the option ``kv_heads`` as a number, and the ``cache`` as it is: only what decodes has one."""
    return {**kv_heads_settled(shape), "cache": "int8" if int8_cache(shape) else "float"}
