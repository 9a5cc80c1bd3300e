"""The user's own time series: a table of any kind, a row a step; columns that tell the time are left out.

Commas, semicolons, tabs or bars part the cells. ``target`` names the columns to forecast, all by default, and
``covariates`` further ones that a forecast may see; what else there is, is left out, and the summary says so. The first
70 % of the rows are for training, the next 10 % for validation, the last 20 % for the test.

Convention: Wu et al. 2021, Autoformer (7:1:2 for all data sets but ETT).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from search_space.spec import Scalar
from supernet.readers.dataset_folder import find_table
from supernet.readers.series.steps import read_series
from supernet.readers.tables import SUFFIXES, names_of
from supernet.tasks._base import Task, TaskData
from supernet.tasks._options import Option
from supernet.tasks._series.forecast import SERIES_OPTIONS, series_data
from supernet.tasks._series.values import FILLS


class Csv(Task):
    """Forecast columns of ``path``, relative to the working directory or to ``data_root``."""

    options: ClassVar[Mapping[str, Option]] = {
        "path": Option(default="", meaning="the file"),
        "target": Option(
            default="", meaning="names of the columns to forecast, as `a,b`; empty for all that hold numbers"
        ),
        "covariates": Option(
            default="", meaning="names of further columns that a forecast sees and that are not scored"
        ),
        "fill": Option(
            default="none",
            meaning="what stands for a missing value: nothing, so that it is refused, the value before it, the line "
            "between its neighbours, or the mean of the training steps",
            choices=FILLS,
        ),
        **SERIES_OPTIONS,
    }

    @classmethod
    def read(cls, data_root: Path, *, options: Mapping[str, Scalar]) -> TaskData:
        """Read and check every cell."""
        path = find_table(str(options["path"]), data_root, kind=f"a table of a series ({', '.join(SUFFIXES)})")
        target, covariates = (names_of(str(options[name])) for name in ("target", "covariates"))
        series = read_series(path, target=target, covariates=covariates)
        steps = len(series.values)
        return series_data(
            series,
            ends=(steps * 7 // 10, steps * 8 // 10, steps),
            lookback=int(options["lookback"]),
            horizon=int(options["horizon"]),
            patch=int(options["patch"]),
            fill=str(options["fill"]),
            where=str(path),
            splits_made="the first 70 %, the next 10 and the last 20, in order",
        )


TASK = Csv
