"""The user's own series with a label each: what a whole series is, or a number that it leads to.

``path`` is a ``.ts`` or ``.arff`` of the UEA and UCR archives, a table with a row a series or, with ``series=``, one a
step, or an ``.npz`` of arrays ``x_train, y_train, x_test, y_test``, ``(n, steps)`` or ``(n, steps, channels)``. Where
there are no files or arrays for validation and test, a tenth is set aside for each, stratified by class.

Archive: Bagnall et al. 2018, The UEA Multivariate Time Series Classification Archive.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from search_space.errors import DataError
from search_space.spec import Scalar
from supernet.readers.arrays import read_arrays
from supernet.readers.dataset_folder import find_table
from supernet.readers.series.labelled import SUFFIXES, LabelledSeries, read_labelled_series, series_of_arrays
from supernet.readers.tables import names_of
from supernet.readers.ties import ARRAYS, SPLITS, ties_of_arrays
from supernet.readers.words import shown
from supernet.tasks._answers import PREDICT, SEPARATOR, separator_of
from supernet.tasks._base import Task, TaskData
from supernet.tasks._files import read_splits
from supernet.tasks._options import Option
from supernet.tasks._series.labelled import LONGEST, labelled_series_data
from supernet.tasks._series.values import FILLS
from supernet.tasks._setting_aside import all_splits


class LabelledSeriesTask(Task):
    """Classes or numbers of the series in ``path``, relative to the working directory or to ``data_root``."""

    options: ClassVar[Mapping[str, Option]] = {
        "path": Option(default="", meaning="the file; its ending says what it is"),
        "validation_path": Option(default="", meaning="a file for validation; a tenth is set aside where it is empty"),
        "test_path": Option(default="", meaning="a file for the test; a tenth is set aside where it is empty"),
        "predict": PREDICT,
        "label_separator": SEPARATOR,
        "label": Option(
            default="",
            meaning="name of the column of the labels; where it is empty `label` of a table, the last one of an .arff",
        ),
        "series": Option(
            default="",
            meaning="of a table with a row a step: name of the column that tells the series apart; where it is empty, "
            "every row is a series",
        ),
        "time": Option(
            default="", meaning="of a table with a row a step: name of a column of times, which is left out"
        ),
        "channels": Option(
            default="", meaning="of a table with a row a step: names of the channels, as `a,b`; empty for all others"
        ),
        "fill": Option(
            default="none",
            meaning="what stands for a missing value: nothing, so that it is refused, the value before it, the line "
            "between its neighbours, or the mean of the channel in training",
            choices=FILLS,
        ),
        "steps": Option(
            default=0,
            meaning="length of a series; longer ones are cut, and counted in the summary; "
            f"0 fits the longest training series, up to {LONGEST}",
            high=100_000,
            why="the models of longer series take gigabytes",
        ),
        "patch": Option(
            default=0,
            meaning="steps of one token; 0 makes at most 64 tokens",
            high=10_000,
            why="a patch is no longer than a series",
        ),
    }

    @classmethod
    def read(cls, data_root: Path, *, options: Mapping[str, Scalar]) -> TaskData:
        """Read and check every series."""
        kind = f"a file that ends in {', '.join(SUFFIXES)} or .npz"
        path = find_table(str(options["path"]), data_root, kind=kind)
        predict, separator = str(options["predict"]), separator_of(options)
        if path.suffix.lower() == ".npz":
            given = _arrays(path, separator)
        else:
            columns = {name: str(options[name]) for name in ("label", "series", "time")}
            channels = names_of(str(options["channels"]))
            given, told = read_splits(
                options,
                data_root,
                kind=kind,
                read=lambda _, file: read_labelled_series(file, channels=channels, separator=separator, **columns),
            )
            given["train"] = replace(given["train"], notes=(*given["train"].notes, *told))
        splits, splits_made = all_splits(
            given,
            predict=predict,
            where=str(path),
            remedy="add series, or set task.options.validation_path and task.options.test_path",
        )
        return labelled_series_data(
            splits,
            predict=predict,
            steps=int(options["steps"]),
            patch=int(options["patch"]),
            fill=str(options["fill"]),
            where=str(path),
            splits_made=splits_made,
        )


def _arrays(path: Path, separator: str) -> dict[str, LabelledSeries]:
    """Return the splits of an ``.npz``, of which training is one."""
    arrays, others = read_arrays(path, ARRAYS)
    names = [name for name in SPLITS if f"x_{name}" in arrays or f"y_{name}" in arrays]
    wanted = [f"{axis}_{name}" for name in dict.fromkeys(["train", *names]) for axis in "xy"]
    if missing := [name for name in wanted if name not in arrays]:
        raise DataError(
            str(path),
            expected=f"arrays {', '.join(wanted)}",
            got=", ".join(map(shown, [*arrays, *others][:12])) or "none",
            remedy=f"add {', '.join(missing)}",
        )
    found = {}
    for name in names:
        ties = ties_of_arrays(arrays, name, count=arrays[f"y_{name}"].size, where=str(path))
        found[name] = series_of_arrays(
            arrays[f"x_{name}"], arrays[f"y_{name}"], where=f"{path}: x_{name}", ties=ties, separator=separator
        )
    return found


TASK = LabelledSeriesTask
