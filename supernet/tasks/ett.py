"""Forecasting of an electricity transformer: seven hourly series over two years, the standard split of 12/4/4 months.

``ETTh1.csv`` or ``ETTh2.csv`` in ``<data_root>/ett``. Values are standardised with the mean and deviation of the twelve
training months; the metric is the mean squared error over all variates, as the literature reports it.

Paper: Zhou et al. 2021, Informer: Beyond Efficient Transformer for Long Sequence Time-Series Forecasting.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from search_space.errors import DataError
from search_space.spec import Scalar
from supernet.readers.files import data_folder
from supernet.readers.series.steps import read_series
from supernet.tasks._base import Task, TaskData
from supernet.tasks._options import Option
from supernet.tasks._series.forecast import SERIES_OPTIONS, series_data

_FILES = ("ETTh1", "ETTh2")
_MONTH = 30 * 24


class ETT(Task):
    """96 hours to the next 96 by default; tokens are patches of a variate."""

    source = "ETDataset (Zhou et al. 2021), under the licence that comes with its files"

    options: ClassVar[Mapping[str, Option]] = {
        "file": Option(default="ETTh1", meaning="which transformer", choices=_FILES),
        **SERIES_OPTIONS,
        "patch": replace(SERIES_OPTIONS["patch"], default=48),
    }

    @classmethod
    def read(cls, data_root: Path, *, options: Mapping[str, Scalar]) -> TaskData:
        """Read one file."""
        path = data_folder(data_root, task="ett") / f"{options['file']}.csv"
        series = read_series(path)
        ends = (12 * _MONTH, 16 * _MONTH, 20 * _MONTH)
        if len(series.values) < ends[-1]:
            raise DataError(
                str(path),
                expected=f"{ends[-1]} hours",
                got=str(len(series.values)),
                remedy="copy the original file again",
            )
        return series_data(
            series,
            ends=ends,
            lookback=int(options["lookback"]),
            horizon=int(options["horizon"]),
            patch=int(options["patch"]),
            where=str(path),
            splits_made="12, 4 and 4 months, the standard ones",
        )


TASK = ETT
