"""What the columns of a table are, learned from its training rows: numbers, categories, or nothing to learn from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search_space.errors import DataError
from supernet.readers import LARGEST
from supernet.readers.numbers import MISSING, values_of
from supernet.readers.words import counted, shown
from supernet.tasks._series.values import deviation
from supernet.tasks._tables.encoding import Column, Columns

__all__ = ["MOST_VALUES", "Learned", "learn"]

MOST_VALUES = 255
"""Categories of a column that have a code of their own; floats of 16 bits count so far."""

_UNIQUE = 0.9  # of the rows, from which on texts tell rows apart and nothing else
_LISTED = 8
_SMALLEST = 1e-300


@dataclass(frozen=True, kw_only=True, slots=True)
class Learned:
    """The inputs of a table.

    Parameters
    ----------
    columns
        How cells become numbers.
    notes
        What was left out or looks odd.
    """

    columns: Columns
    notes: tuple[str, ...]


def learn(
    header: Sequence[str], cells: Sequence[Sequence[str]], *, categories: Sequence[str], separator: str, where: str
) -> Learned:
    """Return the inputs that the training rows of a table have.

    Parameters
    ----------
    header, cells
        Names of the columns that are not left out, and of each its cells.
    categories
        Columns of numbers that are categories, such as codes of places.
    separator
        That of the table, for decimal commas.
    where
        Names the table in errors.

    Raises
    ------
    DataError
        For a number beyond what can be trained on, or a table without a column to learn from.
    """
    numbers, others, told = list[Column](), list[Column](), list[str]()
    left: dict[str, list[str]] = {}
    for name, column in zip(header, cells, strict=True):
        values, missing, comma = values_of(column, separator=separator)
        there = values[~missing]
        if missing.all():
            left.setdefault("empty columns", []).append(name)
        elif name not in categories and not np.isnan(there).any():
            found = _number(name, there, comma=comma, where=where)
            if found is None:
                left.setdefault("columns that are constant in training", []).append(name)
                continue
            numbers.append(found)
            if missing.any():
                others.append(Column(name=name, kind="missing"))
                gaps = counted(int(missing.sum()), "training row")
                told.append(f"{shown(name)}: missing in {gaps}, which is an input of its own")
            if _counts_rows(there):
                told.append(f"{shown(name)} counts the rows: name it in task.options.ignore where it says no more")
        else:
            counts = Counter(cell.strip() for cell, is_missing in zip(column, missing, strict=True) if not is_missing)
            if len(counts) == 1 and not missing.any():
                left.setdefault("columns that are constant in training", []).append(name)
            elif len(counts) > _UNIQUE * len(there) and len(there) > 20:
                left.setdefault("columns of texts or times that differ from row to row", []).append(name)
            else:
                told += _odd(name, counts, values, is_asked=name in categories)
                kept = sorted(value for value, _ in counts.most_common(MOST_VALUES))
                others.append(Column(name=name, kind="category", values=tuple(kept)))
    told += [f"{what} are left out: {_listed(names)}" for what, names in left.items()]
    if not numbers and not others:
        raise DataError(
            where,
            expected="a column of numbers or categories beside the label",
            got="; ".join(told) or "none",
            remedy="choose another table, or other columns",
        )
    return Learned(columns=Columns(columns=(*numbers, *others)), notes=tuple(told))


def _number(name: str, there: NDArray[np.float64], *, comma: bool, where: str) -> Column | None:
    """Return a column of numbers; nothing where it is constant."""
    largest = float(np.abs(there).max())
    if largest > LARGEST:
        raise DataError(
            f"{where}, column {shown(name)}",
            expected=f"numbers of at most {LARGEST:g} in size",
            got=f"{largest:g}",
            remedy="correct the cell, or name the column in task.options.ignore",
        )
    spread = float(deviation(there[:, None])[0])
    if not (spread > 1e-9 * largest and spread > _SMALLEST):
        return None
    return Column(name=name, kind="number", offset=float(there.mean()), scale=1 / spread, decimal_comma=comma)


def _odd(name: str, counts: Counter[str], values: NDArray[np.float64], *, is_asked: bool) -> list[str]:
    """Return what is odd in a column of categories."""
    told = []
    digits = int((~np.isnan(values)).sum())
    if digits and not is_asked:
        other = next(value for value in counts if value.casefold() not in MISSING and np.isnan(_value(value)))
        told.append(f"{shown(name)}: categories, for not all cells are numbers, such as '{shown(other)}'")
    if len(counts) > MOST_VALUES:
        told.append(f"{shown(name)}: of {len(counts):,} categories the {MOST_VALUES} most frequent have a code")
    return told


def _counts_rows(there: NDArray[np.float64]) -> bool:
    """Whether numbers are whole and grow from row to row, few of them left out: an index."""
    grows = len(there) > 20 and bool((np.diff(there) > 0).all())
    return grows and not (there % 1).any() and bool(there[-1] - there[0] <= 2 * len(there))


def _value(cell: str) -> float:
    return float(values_of([cell], separator=",")[0][0])


def _listed(names: Sequence[str]) -> str:
    return ", ".join(shown(name) for name in names[:_LISTED]) + (" ..." if len(names) > _LISTED else "")
