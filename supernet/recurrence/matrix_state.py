"""The states of mixers whose heads remember a matrix each, of keys by values, whatever the number of tokens.

Shape legend: H heads, K features of a head.
"""

from __future__ import annotations

from collections.abc import Mapping

from search_space.spec import BlockShape, Scalar, StateShapes
from supernet.options import integer_option

__all__ = ["filtered_matrix_shapes", "matrix_shapes"]


def matrix_shapes(shape: BlockShape) -> StateShapes:
    """Return the shape of the matrices, ``(H, K, K)``."""
    return ((shape.num_heads, shape.head_dim, shape.head_dim),)


def filtered_matrix_shapes(shape: BlockShape, defaults: Mapping[str, Scalar]) -> StateShapes:
    """Return the same of filtered queries, keys and values, with the last inputs of the three filters."""
    past = (integer_option(shape, defaults, "kernel") - 1, shape.attention_dim)
    return *matrix_shapes(shape), past, past, past
