"""Series: the columns of numbers of a table, a row a step; columns that tell the time are recognised and left out.

A leading column tells the time when its cells are no numbers, when it is called so (``year``, ``timestamp``), or when
it counts: equal steps up, days as ``20200131``, or seconds of the epoch that grow. One that a user names is a series.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from search_space.errors import DataError
from supernet.readers import LARGEST
from supernet.readers.numbers import is_number, values_of
from supernet.readers.tables import Table, check_columns, read_table
from supernet.readers.words import shown

__all__ = ["Series", "read_series"]

_WRITTEN = re.compile(r"[-+$€£\s]*\d[\d.,'\s]*[%$€£\s]*")  # numbers as people write them, with signs that no number has
_CALENDAR = ("year", "quarter", "month", "week", "day", "weekday", "hour", "minute", "second")
_TIMES = frozenset((*_CALENDAR, "date", "time", "datetime", "timestamp", "ds", "epoch", "index", "unnamed: 0", ""))
_DAYS = (1e7, 1e8)  # dates as numbers: 20200131
_EPOCH = (1e8, 1e19)  # seconds, or billionths of them


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Series:
    """The series of a table.

    Parameters
    ----------
    names
        Of the columns, in the order of the file.
    values
        ``(T, C)``, NaN where a cell is empty.
    targets
        Which of the columns are to be forecast; the others are known up to the present alone.
    time
        The columns that tell the time, and from when to when; empty where there is none.
    notes
        What was left out or looks wrong.
    """

    names: tuple[str, ...]
    values: NDArray[np.float64]
    targets: tuple[int, ...]
    time: str = ""
    notes: tuple[str, ...] = ()


def read_series(path: Path, *, target: Sequence[str] = (), covariates: Sequence[str] = ()) -> Series:
    """Return the series of a table.

    Parameters
    ----------
    target
        Names of the columns to forecast; none means all that hold numbers.
    covariates
        Names of further columns that a forecast may see.

    Raises
    ------
    DataError
        For an empty or damaged file, a row of another length, a cell that is no number, a column that is missing,
        whose name stands twice, or that is named for both, or no column of numbers.
    """
    table = read_table(path)
    table, notes = _without_last_empty(table), list(table.notes)
    header, where = table.header, str(path)
    if not table.rows:
        raise _no_series(where, header, 0)
    for number, row in enumerate(table.rows):
        if len(row) != len(header):
            raise DataError(
                f"{where}: {table.place(number)}",
                expected=f"{len(header)} cells, as in the header",
                got=str(len(row)),
                remedy="correct the line",
            )
    check_columns(header, header, where=f"{where}: the header", remedy="rename them")
    wanted = [*target, *covariates]
    for option, names in (("target", target), ("covariates", covariates)):
        table.check(names, where=where, remedy=f"correct task.options.{option}")
    if both := [name for name in covariates if name in target]:
        raise DataError(
            "task.options.covariates",
            expected="columns that are not in task.options.target too",
            got=_listed(both),
            remedy="leave them out of one of the two",
        )
    if all(is_number(name) for name in header[1:] or header):  # the first may be a date
        notes.append(f"the first line is taken for names, though they are numbers: {_listed(header)}")
    columns = {name: _Column.of(table, i) for i, name in enumerate(header)}
    times = _times(columns, wanted)
    rest = [name for name in header if name not in times]
    chosen = [name for name in rest if name in wanted] if target else rest
    if left := [name for name in rest if name not in chosen]:
        notes.append(f"columns that are neither target nor covariate are left out: {_listed(left)}")
    if empty := [name for name in chosen if columns[name].is_empty]:
        notes.append(f"empty columns are left out: {_listed(empty)}")
        chosen = [name for name in chosen if name not in empty]
    forecast = [name for name in chosen if name in target or (not target and name not in covariates)]
    if not forecast:
        raise _no_series(where, header, len(table.rows))
    if not all(columns[name].is_in_order for name in times):
        notes.append(f"rows are not in the order of the column {shown(times[-1])}: the splits follow the rows")
    return Series(
        names=tuple(chosen),
        values=np.stack([columns[name].numbers(name, where) for name in chosen], axis=1),
        targets=tuple(chosen.index(name) for name in forecast),
        time=", ".join(f"{shown(name) or 'the first column'} ({columns[name].span})" for name in times),
        notes=tuple(notes),
    )


def _no_series(where: str, header: Sequence[str], rows: int) -> DataError:
    return DataError(
        where,
        expected="a header and rows of numbers, after a column of dates or not",
        got=f"columns {_listed(header)} and {rows} rows" + (", none of these columns to forecast" if rows else ""),
        remedy="choose another file, or name columns of numbers in task.options.target",
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(shown(name) for name in names[:8]) + (" ..." if len(names) > 8 else "")


def _without_last_empty(table: Table) -> Table:
    """Return a table without a last column that is there only because lines end in the separator."""
    if (
        len(table.header) < 2
        or table.header[-1]
        or any(len(r) == len(table.header) and r[-1].strip() for r in table.rows)
    ):
        return table
    width = len(table.header) - 1
    rows = tuple(row[:width] if len(row) == width + 1 else row for row in table.rows)
    return replace(table, header=table.header[:-1], rows=rows)


def _times(columns: dict[str, _Column], wanted: Sequence[str]) -> list[str]:
    """Return the leading columns that tell the time; at least one other column stays."""
    found: list[str] = []
    for name, column in list(columns.items())[:-1]:
        if name in wanted or not (column.has_no_number or name.strip().casefold() in _TIMES or column.counts):
            break
        found.append(name)
    return found


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Column:
    """The cells of one column, and the numbers that they are: NaN for those that are none or missing."""

    cells: tuple[str, ...]
    places: Callable[[int], str]
    values: NDArray[np.float64]
    is_missing: NDArray[np.bool_]

    @classmethod
    def of(cls, table: Table, index: int) -> _Column:
        cells = tuple(row[index].strip() for row in table.rows)
        values, missing, _ = values_of(cells, separator=table.separator)
        return cls(cells=cells, places=table.place, values=values, is_missing=missing)

    @property
    def is_empty(self) -> bool:
        return bool(self.is_missing.all())

    @property
    def has_no_number(self) -> bool:
        """Whether it holds something, none of which is a number or looks like one: dates, names."""
        there = [cell for cell, missing in zip(self.cells, self.is_missing, strict=True) if not missing]
        return bool(there) and bool(np.isnan(self.values).all()) and not any(map(_is_written_number, there))

    @property
    def counts(self) -> bool:
        """Whether its numbers are those of a clock, a calendar or a counter."""
        v = self.values
        if len(v) < 3 or np.isnan(v).any():
            return False
        steps = np.diff(v)
        if (steps <= 0).any():
            return False
        even = bool((np.abs(steps - steps[0]) <= 1e-6 * abs(steps[0])).all())
        whole = bool((v == np.floor(v)).all())
        days = whole and _DAYS[0] <= v[0] and v[-1] < _DAYS[1] and all(_is_day(int(day)) for day in v)
        return even or days or (whole and _EPOCH[0] <= v[0] and v[-1] < _EPOCH[1])

    @property
    def is_in_order(self) -> bool:
        """Whether no row is of an earlier time than the one before; so too where the times are not understood."""
        try:
            times = [datetime.fromisoformat(cell) for cell in self.cells] if self.has_no_number else []
            return all(a <= b for a, b in pairwise(times))
        except (ValueError, TypeError):
            return True

    @property
    def span(self) -> str:
        """The first and the last cell."""
        return f"{shown(self.cells[0])} to {shown(self.cells[-1])}"

    def numbers(self, name: str, where: str) -> NDArray[np.float64]:
        """Return the values; raises ``DataError`` for the first cell that is neither a number nor missing."""
        wrong = np.flatnonzero((np.isnan(self.values) | (np.abs(self.values) > LARGEST)) & ~self.is_missing)
        if len(wrong):
            cell = self.cells[wrong[0]]
            raise DataError(
                f"{where}: {self.places(int(wrong[0]))}, column {shown(name)}",
                expected=f"a number of at most {LARGEST:g} in size" if is_number(cell) else "a number",
                got=f"'{shown(cell)}'",
                remedy="correct the cell or remove the column, or name the columns to use in task.options.target",
            )
        return np.where(self.is_missing, np.nan, self.values)


def _is_written_number(cell: str) -> bool:
    return any(sign in cell for sign in ",'%$€£") and _WRITTEN.fullmatch(cell) is not None


def _is_day(number: int) -> bool:
    try:
        datetime(number // 10_000, number // 100 % 100, number % 100)
    except ValueError:
        return False
    return True
