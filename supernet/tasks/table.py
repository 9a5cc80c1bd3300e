"""The user's own table: a class or a number for each row, from its columns of numbers and categories.

Every kind of table is read (``.csv``, ``.tsv``, ``.parquet``, ``.feather``, ``.arrow``). A column whose cells are all
numbers or missing is one of numbers, any other one of categories; what they are is learned from training rows alone.
Files of their own for validation and test may be given; otherwise a tenth is set aside for each. The exported folder
holds ``columns.json`` and ``encoder.py``, which make a network's input of a row.

Paper: Gorishniy et al. 2021, Revisiting Deep Learning Models for Tabular Data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from search_space.errors import ConfigError, DataError
from search_space.spec import Scalar
from supernet.readers.dataset_folder import find_table
from supernet.readers.labels import LabelColumns
from supernet.readers.tables import SUFFIXES, names_of
from supernet.readers.words import shown
from supernet.tasks._answers import PREDICT, SEPARATOR, separator_of
from supernet.tasks._base import Task, TaskData
from supernet.tasks._files import read_splits
from supernet.tasks._options import Option
from supernet.tasks._setting_aside import GROUPS, TIME, all_splits
from supernet.tasks._tables.rows import read_rows, table_data


class TableTask(Task):
    """What the rows of ``path`` are labelled with, relative to the working directory or to ``data_root``."""

    options: ClassVar[Mapping[str, Option]] = {
        "path": Option(default="", meaning="the file"),
        "validation_path": Option(default="", meaning="a file for validation; a tenth is set aside where it is empty"),
        "test_path": Option(default="", meaning="a file for the test; a tenth is set aside where it is empty"),
        "label": Option(
            default="label",
            meaning="name of the column of the labels; with `predict=labels` also columns of 0 and 1, as `a,b`",
        ),
        "predict": PREDICT,
        "label_separator": SEPARATOR,
        "ignore": Option(default="", meaning="names of columns that are left out, as `a,b`, such as numbers of rows"),
        "groups": GROUPS,
        "time": TIME,
        "categories": Option(
            default="", meaning="names of columns of numbers that are categories, as `a,b`: codes of places, say"
        ),
        "column_dropout": Option(
            default=0.2,
            meaning="share of the cells that training replaces, at random, by the mean or by no category, so that it "
            "does not learn rows by heart",
            high=0.9,
            why="of a row of which more is lost nothing can be learned",
        ),
    }

    @classmethod
    def read(cls, data_root: Path, *, options: Mapping[str, Scalar]) -> TaskData:
        """Read and check every row."""
        kind = f"a table ({', '.join(SUFFIXES)})"
        path, predict = str(options["path"]), str(options["predict"])
        label = LabelColumns(named=str(options["label"]), separator=separator_of(options))
        ignore, categories = (names_of(str(options[name])) for name in ("ignore", "categories"))
        apart = {name: str(options[name]) for name in ("groups", "time")}
        if {label.named, *label.each} & {*ignore, *categories, *apart.values()}:
            raise ConfigError(
                "task.options.label",
                expected="a column that is not in task.options.ignore, categories, groups or time",
                got=repr(shown(label.named)),
                remedy="correct one of them",
            )
        first = find_table(path, data_root, kind=kind)
        if first.suffix.lower() not in SUFFIXES and not first.is_dir():
            raise DataError(str(first), expected=kind, got=shown(first.suffix) or "no ending", remedy="convert it")
        named = {"train": (*ignore, *categories)}
        given, told = read_splits(
            options,
            data_root,
            kind=kind,
            read=lambda name, file: read_rows(file, label=label, named=named.get(name, ()), **apart),
        )
        given["train"] = replace(given["train"], notes=(*given["train"].notes, *told))
        splits, splits_made = all_splits(
            given,
            predict=predict,
            where=str(first),
            remedy="add rows, set task.options.validation_path and test_path, or predict=number of numbers",
        )
        return table_data(
            splits,
            predict=predict,
            ignore=(*ignore, *filter(None, apart.values())),
            categories=categories,
            where=str(first),
            splits_made=splits_made,
            dropout=float(options["column_dropout"]),
        )


TASK = TableTask
