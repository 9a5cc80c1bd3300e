"""Rows of a table with a class or a number each: a token a column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from search_space.errors import DataError
from search_space.spec import TaskShape
from search_space.summary import DataSummary, Example
from supernet.readers.labels import Label, LabelColumns, UnlabelledError, check_labels
from supernet.readers.numbers import values_of
from supernet.readers.tables import Table, read_table
from supernet.readers.ties import UNTIED, Ties, ties_of
from supernet.readers.words import counted, shown
from supernet.tasks._answers import answers_of
from supernet.tasks._base import Split, TaskData, data_hash
from supernet.tasks._series.values import range_notes
from supernet.tasks._summary import rows_shown, sizes_text
from supernet.tasks._tables import encoding
from supernet.tasks._tables.dropout import ColumnDropout
from supernet.tasks._tables.encoding import Column
from supernet.tasks._tables.learning import learn

__all__ = ["Rows", "read_rows", "table_data"]

_LISTED = 8
_MOST_COLUMNS = 1024


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Rows:
    """Rows of a table that have a label.

    Parameters
    ----------
    table
        The table.
    at
        Numbers of its rows.
    labels
        Of these, as they are written.
    label_columns
        Where they stand.
    ties
        Their groups or times.
    notes
        What was left out.
    """

    table: Table
    at: NDArray[np.int64]
    labels: tuple[Label, ...]
    label_columns: tuple[str, ...]
    ties: Ties = UNTIED
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    def rows(self, chosen: NDArray[np.int64]) -> Rows:
        """Return some of them, in the order of their numbers."""
        return replace(
            self,
            at=self.at[chosen],
            labels=tuple(self.labels[i] for i in chosen),
            ties=self.ties.rows(chosen),
        )

    def cells(self, name: str) -> list[str]:
        """Return the cells of a column."""
        column = self.table.header.index(name)
        return [self.table.rows[i][column] for i in self.at]


def read_rows(path: Path, *, label: LabelColumns, named: Sequence[str], groups: str = "", time: str = "") -> Rows:
    """Return the rows of a table that have a label; raises ``DataError`` for one without its columns, or uneven rows.

    Parameters
    ----------
    named
        Further columns that must be there.
    groups, time
        Names of the columns of what ties rows together, empty where there are none.
    """
    table, where = read_table(path, joint=label.joint), str(path)
    remedy = "correct task.options.label, ignore, categories, groups and time"
    labelled = label.columns(table.header)
    table.check([*labelled, *named, *filter(None, (groups, time))], where=f"{where}: the header", remedy=remedy)
    table.check(table.header, where=f"{where}: the header", remedy="rename them")
    for number, row in enumerate(table.rows):
        if len(row) != len(table.header):
            raise DataError(
                f"{where}: {table.place(number)}",
                expected=f"{len(table.header)} cells, as in the header",
                got=str(len(row)),
                remedy="correct the line",
            )
    columns = [table.header.index(name) for name in labelled]
    found = [
        label.label([row[i].strip() for i in columns], labelled, where=f"{where}: {table.place(number)}")
        for number, row in enumerate(table.rows)
    ]
    kept = [i for i, one in enumerate(found) if one is not None]
    if not kept:
        remedy = "choose another file, or column"
        raise UnlabelledError(where, expected="rows with a label", got="none", remedy=remedy)
    labels = tuple(one for one in found if one is not None)
    check_labels(dict.fromkeys(labels), where=where)
    lost = len(table.rows) - len(kept)
    notes = [f"{path.name}: left out, without a label: {counted(lost, 'row')}"] if lost else []
    rows = Rows(table=table, at=np.array(kept), labels=labels, label_columns=labelled, notes=(*table.notes, *notes))
    cells = [rows.cells(name) if name else None for name in (groups, time)]
    return replace(rows, ties=ties_of(*cells, where=where))


def table_data(
    parts: Mapping[str, Rows],
    *,
    predict: str,
    ignore: Sequence[str],
    categories: Sequence[str],
    where: str,
    splits_made: str,
    dropout: float = 0.0,
) -> TaskData:
    """Return the task of the rows of the three splits, whose columns are learned from the training rows alone.

    Parameters
    ----------
    parts
        The splits, of which ``train`` is one.
    predict
        What labels are.
    ignore, categories
        Names of the columns that are left out, and of those of numbers that are categories.
    where, splits_made
        Names the source in errors; says for the summary how the splits came about.
    dropout
        Share of the cells that training replaces by nothing.

    Raises
    ------
    DataError
        For labels that are refused, columns that a split lacks, or a cell that is no number where training has some.
    """
    train = parts["train"]
    answers = answers_of({name: part.labels for name, part in parts.items()}, predict=predict, where=where)
    header = [name for name in train.table.header if name not in (*train.label_columns, *ignore)]
    learned = learn(
        header,
        [train.cells(name) for name in header],
        categories=categories,
        separator=train.table.separator,
        where=where,
    )
    columns = learned.columns.columns
    if len(columns) > _MOST_COLUMNS:
        raise DataError(
            where, expected=f"at most {_MOST_COLUMNS:,} columns", got=f"{len(columns):,}", remedy="name some to ignore"
        )
    values, told = {}, list[str]()
    for name, part in parts.items():
        values[name] = _encoded(part, columns, where=f"{where}: {name}")
        if name != "train":
            told += _unseen(part, columns, values[name], name)
    numbers = [column.name for column in columns if not column.codes]
    if numbers:
        whole = np.concatenate([values[name][:, : len(numbers)] for name in ("train", "validation", "test")])
        ends = np.cumsum([len(values[name]) for name in ("train", "validation", "test")]).tolist()
        told += range_notes(whole, numbers, ends, where=where)
    zero, one = torch.zeros(()), torch.ones(())
    splits = {
        name: Split(
            stored=torch.from_numpy(rows.astype(np.float32)),
            targets=answers.targets[name],
            offset=zero,
            scale=one,
            groups=parts[name].ties.numbers,
        )
        for name, rows in values.items()
    }
    shape = TaskShape(
        input_shape=(len(columns),),
        num_outputs=answers.outputs,
        seq_len=len(columns),
        stem="columns",
        head="pooled",
        categories=tuple(column.codes for column in columns),
    )
    files: Mapping[str, str] = {
        "columns.json": learned.columns.to_json(),
        "encoder.py": Path(encoding.__file__).read_text(encoding="utf-8"),  # needs Python alone
        **answers.files,
    }
    tensors = [tensor for part in splits.values() for tensor in (part.stored, part.targets)]
    return answers.make(
        shape=shape,
        train=splits["train"],
        validation=splits["validation"],
        test=splits["test"],
        data_hash=data_hash((shape, shape.categories, dropout, *answers.kind), files["columns.json"], *tensors),
        augmentation=ColumnDropout(share=dropout) if dropout else None,
        files=files,
        preparation=({"do": "encode", "as": "columns", "columns": "columns.json", "reader": "encoder.py"},),
        meaning=answers.meaning,
        in_order=bool(train.ties.times),
        summary=DataSummary(
            facts={
                "examples": sizes_text({name: len(part) for name, part in parts.items()}, what=splits_made),
                **answers.facts,
                **_facts(columns, train),
            },
            notes=(
                *dict.fromkeys(note for part in parts.values() for note in part.notes),
                *learned.notes,
                *told,
                *answers.notes,
            ),
            examples=tuple(
                Example(target=answers.told(i), text=_told(train, header, i)) for i in rows_shown(len(train))
            ),
        ),
    )


def _encoded(part: Rows, columns: Sequence[Column], *, where: str) -> NDArray[np.float64]:
    """Return the inputs of all rows, ``(n, columns)``, as :meth:`Columns.encode` gives them one by one."""
    found = np.zeros((len(part), len(columns)))
    for i, column in enumerate(columns):
        part.table.check([column.name], where=f"{where}: the header", remedy="give all splits the same columns")
        cells = part.cells(column.name)
        if column.kind == "category":
            places = {value: 1.0 + place for place, value in enumerate(column.values)}
            found[:, i] = [places.get(cell.strip(), 0.0) for cell in cells]
            continue
        values, missing, _ = values_of(cells, separator=";" if column.decimal_comma else ",")
        if column.kind == "missing":
            found[:, i] = missing
            continue
        wrong = np.flatnonzero(np.isnan(values) & ~missing)
        if len(wrong):
            raise DataError(
                f"{where}: {part.table.place(int(part.at[wrong[0]]))}, column {shown(column.name)}",
                expected="a number, as in the training rows",
                got=f"'{shown(cells[wrong[0]])}'",
                remedy="correct the cell, or name the column in task.options.categories or ignore",
            )
        found[:, i] = np.where(missing, 0.0, (values - column.offset) * column.scale)
    return found


def _unseen(part: Rows, columns: Sequence[Column], values: NDArray[np.float64], name: str) -> list[str]:
    """Return the columns whose categories, or whose gaps, training has not."""
    told, with_gaps = [], {column.name for column in columns if column.kind == "missing"}
    for i, column in enumerate(columns):
        if column.kind == "category":
            missing = values_of(part.cells(column.name), separator=",")[1]
            if new := int(((values[:, i] == 0) & ~missing).sum()):
                told.append(f"{shown(column.name)}: of no known category in {counted(new, f'{name} row')}")
        elif column.kind == "number" and column.name not in with_gaps and (gaps := _gaps(part, column)):
            told.append(f"{shown(column.name)}: missing in {counted(gaps, f'{name} row')}, and taken for the mean")
    return told


def _gaps(part: Rows, column: Column) -> int:
    return int(values_of(part.cells(column.name), separator=",")[1].sum())


def _facts(columns: Sequence[Column], train: Rows) -> dict[str, str]:
    numbers = [column for column in columns if column.kind == "number"]
    named = [column for column in columns if column.kind == "category"]
    facts = {}
    if numbers:
        some = ", ".join(
            f"{shown(c.name, most=30)} (mean {c.offset:.4g}, deviation {1 / c.scale:.4g})" for c in numbers[:_LISTED]
        )
        facts["numbers"] = f"{len(numbers)}: {some}" + (" ..." if len(numbers) > _LISTED else "")
    if named:
        some = ", ".join(f"{shown(c.name, most=30)} ({len(c.values)})" for c in named[:_LISTED])
        facts["categories"] = f"{len(named)}: {some}" + (" ..." if len(named) > _LISTED else "")
    return facts


def _told(train: Rows, header: Sequence[str], row: int) -> str:
    cells = train.table.rows[train.at[row]]
    pairs = [f"{shown(name, most=20)} {shown(cells[train.table.header.index(name)], most=20)}" for name in header]
    return ", ".join(pairs[:_LISTED]) + (" ..." if len(pairs) > _LISTED else "")
