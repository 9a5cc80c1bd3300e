"""Whole series with a label each: ``.ts`` and ``.arff`` of the archives, tables (a row a series or a step), arrays.

A series may be of its own length: steps at its end in which every channel is missing are no steps of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_space.errors import ConfigError, DataError
from supernet.readers import LARGEST, tables
from supernet.readers.labels import Label, LabelColumns, check_labels
from supernet.readers.numbers import is_number
from supernet.readers.series.arff import read_arff
from supernet.readers.series.ts import read_ts, steps_of
from supernet.readers.tables import Table, read_table
from supernet.readers.ties import UNTIED, Ties
from supernet.readers.words import counted, shown

__all__ = ["SUFFIXES", "LabelledSeries", "read_labelled_series", "series_of_arrays"]

SUFFIXES = (".ts", ".arff", *tables.SUFFIXES)
_MOST_NAMES = 8


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LabelledSeries:
    """Series and their labels, of one length.

    Parameters
    ----------
    values
        Of each series ``(steps, channels)``, NaN where a value is missing.
    labels
        As they are written.
    channels
        Names of the channels.
    notes
        What was left out or changed.
    ties
        Their groups or times.
    """

    values: Sequence[NDArray[np.float64]]
    labels: Sequence[Label]
    channels: tuple[str, ...]
    notes: tuple[str, ...] = ()
    ties: Ties = UNTIED

    def __len__(self) -> int:
        return len(self.labels)

    def rows(self, chosen: Iterable[int]) -> LabelledSeries:
        """Return some of them, in the order of their numbers."""
        numbers = list(chosen)
        return replace(
            self,
            values=[self.values[i] for i in numbers],
            labels=[self.labels[i] for i in numbers],
            ties=self.ties.rows(numbers),
        )


def read_labelled_series(
    path: Path,
    *,
    label: str = "",
    series: str = "",
    time: str = "",
    channels: Sequence[str] = (),
    separator: str = "",
) -> LabelledSeries:
    """Return the series of a file.

    Parameters
    ----------
    label
        Name of the labels' column; where it is empty the last attribute of an ``.arff``, and ``label`` of a table.
    series
        Of a table with a row a step, name of the column that tells the series apart; a row is a series without.
    time
        Of such a table, name of a column of times, in whose order the rows of a series are and which is left out.
    channels
        Of such a table, names of the channels; all other columns where there are none.
    separator
        What parts the labels of a series; empty where each has one.

    Raises
    ------
    DataError
        For a file that is damaged, cells that are no numbers, or a series without a value.
    """
    suffix = path.suffix.lower()
    if suffix in (".ts", ".arff"):
        values, labels = read_ts(path) if suffix == ".ts" else read_arff(path, label=label)
        names = tuple(f"channel {i}" for i in range(1, 1 + (values[0].shape[1] if values else 0)))
        return _checked(values, labels, channels=names, where=str(path), separator=separator)
    if suffix not in SUFFIXES and not path.is_dir():
        raise DataError(
            str(path),
            expected=f"a file that ends in {', '.join(SUFFIXES)} or .npz",
            got=shown(suffix) or "no ending",
            remedy="convert it",
        )
    if not series and (time or channels):
        raise ConfigError(
            "task.options.time" if time else "task.options.channels",
            expected="nothing, where every row of the table is a series",
            got=repr(shown(time or ", ".join(channels))),
            remedy="set task.options.series to the column that tells the series of a row a step apart",
        )
    label = label or "label"
    table = read_table(path, joint=LabelColumns(named=label, separator=separator).joint)
    table.check([label], where=f"{path}: the header", remedy="set task.options.label to the column of the labels")
    _check_rows(table, str(path))
    if series:
        columns = {"label": label, "series": series, "time": time, "separator": separator}
        return _by_step(table, path, channels=channels, **columns)
    steps = [i for i, name in enumerate(table.header) if name != label]
    at = table.header.index(label)
    values = [
        steps_of([row[i] for i in steps], where=f"{path}: {table.place(n)}")[:, None]
        for n, row in enumerate(table.rows)
    ]
    labels = [row[at] for row in table.rows]
    return _checked(values, labels, channels=("value",), where=str(path), notes=table.notes, separator=separator)


def series_of_arrays(
    values: NDArray[Any], labels: NDArray[Any], *, where: str, ties: Ties = UNTIED, separator: str = ""
) -> LabelledSeries:
    """Return the series of arrays ``(n, steps)`` or ``(n, steps, channels)`` and ``(n,)``; raises ``DataError``."""
    if values.ndim not in (2, 3) or not (
        np.issubdtype(values.dtype, np.integer) or np.issubdtype(values.dtype, np.floating)
    ):
        raise DataError(
            where,
            expected="numbers (n, steps) or (n, steps, channels)",
            got=f"{values.dtype} {values.shape}",
            remedy="reshape or convert them",
        )
    if labels.shape != values.shape[:1]:
        raise DataError(where, expected=f"{len(values)} labels", got=str(labels.shape), remedy="save one a series")
    if labels.dtype.kind not in "iufUb":
        raise DataError(where, expected="labels of numbers or texts", got=str(labels.dtype), remedy="convert them")
    with np.errstate(over="ignore"):
        whole = values.astype(np.float64).reshape(*values.shape[:2], -1)
    names = tuple(f"channel {i}" for i in range(1, 1 + whole.shape[2]))
    return _checked(
        list(whole), [str(y) for y in labels.tolist()], channels=names, where=where, ties=ties, separator=separator
    )


def _check_rows(table: Table, where: str) -> None:
    for number, row in enumerate(table.rows):
        if len(row) != len(table.header):
            raise DataError(
                f"{where}: {table.place(number)}",
                expected=f"{len(table.header)} cells, as in the header",
                got=str(len(row)),
                remedy="correct the line; where series are of unequal lengths, leave the last cells empty",
            )


def _by_step(
    table: Table, path: Path, *, label: str, series: str, time: str, channels: Sequence[str], separator: str
) -> LabelledSeries:
    """Return the series of a table with a row a step."""
    apart = [label, series, *([time] if time else [])]
    names = tuple(channels) or tuple(name for name in table.header if name not in apart)
    table.check([*apart, *names], where=f"{path}: the header", remedy="correct task.options.series, time and channels")
    at = {name: table.header.index(name) for name in (*apart, *names)}
    groups: dict[str, list[int]] = {}
    for number, row in enumerate(table.rows):
        groups.setdefault(row[at[series]], []).append(number)
    values, labels = list[NDArray[np.float64]](), list[str]()
    for key, rows in groups.items():
        where = f"{path}: series {shown(key)}"
        found = sorted({table.rows[n][at[label]] for n in rows})
        if len(found) > 1:
            raise DataError(
                where, expected="one label", got=", ".join(map(shown, found[:5])), remedy="correct its rows"
            )
        if time:
            _check_order([table.rows[n][at[time]] for n in rows], where=where)
        columns = [
            steps_of([table.rows[n][at[name]] for n in rows], where=f"{where}, column {shown(name)}") for name in names
        ]
        values.append(np.stack(columns, axis=1))
        labels.append(found[0])
    notes = list(table.notes)
    if left := [name for name in table.header if name not in at]:
        some = ", ".join(map(shown, left[:_MOST_NAMES])) + (" ..." if len(left) > _MOST_NAMES else "")
        notes.append(f"columns that are no channels are left out: {some}")
    return _checked(values, labels, channels=names, where=str(path), notes=notes, separator=separator)


def _check_order(times: Sequence[str], *, where: str) -> None:
    keys: list[Any] = [float(t) for t in times] if all(map(is_number, times)) else list(times)
    if any(a > b for a, b in pairwise(keys)):
        raise DataError(
            f"{where}, task.options.time", expected="rows in their order", got="earlier ones later", remedy="sort them"
        )


def _checked(
    values: Sequence[NDArray[np.float64]],
    labels: Sequence[str],
    *,
    channels: tuple[str, ...],
    where: str,
    notes: Sequence[str] = (),
    ties: Ties = UNTIED,
    separator: str = "",
) -> LabelledSeries:
    """Return series without the steps at their end that are missing, and without those that lack a label."""
    form = LabelColumns(named="", separator=separator)
    told, kept = list(notes), [i for i, label in enumerate(labels) if separator or label.strip()]
    if len(kept) < len(labels):
        told.append(f"{Path(where).name}: left out, without a label: {counted(len(labels) - len(kept), 'series')}")
    whole = []
    for i in kept:
        there = np.flatnonzero(~np.isnan(values[i]).all(1))
        if not len(there):
            raise DataError(
                f"{where}: series {i + 1}", expected="values", got="missing ones alone", remedy="remove the series"
            )
        whole.append(values[i][: there[-1] + 1])
        with np.errstate(invalid="ignore"):
            if (np.abs(whole[-1]) > LARGEST).any():
                raise DataError(
                    f"{where}: series {i + 1}",
                    expected=f"numbers of at most {LARGEST:g} in size",
                    got="a larger one",
                    remedy="correct it",
                )
    if not kept:
        raise DataError(where, expected="series with a label", got="none", remedy="choose another file")
    parted = [form.parted(labels[i]) for i in kept]
    check_labels(dict.fromkeys(parted), where=where)
    return LabelledSeries(
        values=whole,
        labels=parted,
        channels=channels,
        notes=tuple(told),
        ties=ties.rows(kept),
    )
