"""The user's own time series: a .csv with a header and a row a step; a first column of dates is left out.

The first 70 % of the rows are for training, the next 10 % for validation, the last 20 % for the test.

Convention: Wu et al. 2021, Autoformer (7:1:2 for all data sets but ETT).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from search_space.spec import Scalar
from supernet.tasks._base import Task, TaskData, find_path
from supernet.tasks._series import series_data
from supernet.tasks._table import numeric_columns


class Csv(Task):
    """Forecast every column of ``path``, relative to the working directory or to ``data_root``."""

    options: ClassVar[Mapping[str, Scalar]] = {"path": "", "lookback": 96, "horizon": 96, "patch": 24}

    @classmethod
    def read(cls, data_root: Path, *, options: Mapping[str, Scalar]) -> TaskData:
        """Read and check every cell."""
        path = find_path(str(options["path"]), data_root, kind="a .csv file of a series")
        names, values = numeric_columns(path)
        steps = len(values)
        return series_data(
            values,
            ends=(steps * 7 // 10, steps * 8 // 10, steps),
            lookback=int(options["lookback"]),
            horizon=int(options["horizon"]),
            patch=int(options["patch"]),
            where=str(path),
            names=names,
        )


TASK = Csv
