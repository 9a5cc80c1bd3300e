"""Numbers as a user writes them in a cell, and what stands for a missing one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_space.errors import DataError
from supernet.readers.words import shown

__all__ = ["MISSING", "as_numbers", "is_number", "numbers_of", "parsed", "values_of"]

MISSING = frozenset(("", "na", "n/a", "nan", "null", "none", "?", "-"))
"""Cells without a value, in lower case."""

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


def is_number(cell: str) -> bool:
    """Whether a cell is a number in the digits that all languages share."""
    return _NUMBER.fullmatch(cell) is not None


def parsed(cells: Sequence[str]) -> NDArray[np.float64]:
    """Return the numbers of cells, NaN for those that are none."""
    return np.array([float(cell) if _NUMBER.fullmatch(cell) else np.nan for cell in cells], dtype=np.float64)


def values_of(cells: Sequence[str], *, separator: str) -> tuple[NDArray[np.float64], NDArray[np.bool_], bool]:
    """Return the numbers of a column, NaN where there is none, which cells are missing, and whether commas are decimal.

    Half of Europe writes decimal commas: they are read where another separator parts the cells, and only if then all
    cells are numbers or missing.
    """
    stripped = [cell.strip() for cell in cells]
    missing = np.array([cell.casefold() in MISSING for cell in stripped], dtype=np.bool_)
    values = parsed(stripped)
    if separator != "," and np.isnan(values[~missing]).any():
        with_commas = parsed([cell.replace(",", ".") if "." not in cell else "" for cell in stripped])
        if not np.isnan(with_commas[~missing]).any():
            return with_commas, missing, True
    return values, missing, False


def as_numbers(labels: Sequence[str], *, where: str) -> NDArray[np.float64]:
    """Return labels as numbers; raises ``DataError`` naming the first that is none."""
    values = parsed([label.strip() for label in labels])
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        more = f" and {len(wrong) - 1:,} more" if len(wrong) > 1 else ""
        raise DataError(
            where,
            expected="a number in every label, for task.options.predict=number",
            got=f"'{shown(labels[wrong[0]])}'{more}",
            remedy="correct the labels, or set task.options.predict=class",
        )
    return values


def numbers_of(values: NDArray[Any], *, where: str) -> NDArray[np.float64]:
    """Return an array ``(n,)`` as finite numbers; raises ``DataError`` for one of another kind, NaN or infinity."""
    if not (np.issubdtype(values.dtype, np.integer) or np.issubdtype(values.dtype, np.floating)):
        raise DataError(where, expected="numbers", got=str(values.dtype), remedy="save them as floats")
    with np.errstate(over="ignore"):
        numbers: NDArray[np.float64] = values.astype(np.float64)
    if wrong := int((~np.isfinite(numbers)).sum()):
        raise DataError(
            where, expected="finite numbers", got=f"{wrong:,} NaN or infinite ones", remedy="remove these examples"
        )
    return numbers
