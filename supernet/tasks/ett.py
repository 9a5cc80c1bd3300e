"""Forecasting of an electricity transformer: seven hourly series over two years, the standard split of 12/4/4 months.

``ETTh1.csv`` or ``ETTh2.csv`` in ``<data_root>/ett``. Values are standardised with the mean and deviation of the twelve
training months; the metric is the mean squared error over all variates, as the literature reports it.

Paper: Zhou et al. 2021, Informer: Beyond Efficient Transformer for Long Sequence Time-Series Forecasting.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from search_space.errors import ConfigError, DataError
from search_space.spec import Scalar
from supernet.tasks._base import Task, TaskData, data_folder
from supernet.tasks._series import series_data
from supernet.tasks._table import numeric_columns

_FILES = ("ETTh1", "ETTh2")
_MONTH = 30 * 24


class ETT(Task):
    """96 hours to the next 96 by default; tokens are patches of a variate."""

    source = "ETDataset (Zhou et al. 2021), under the licence that comes with its files"

    options: ClassVar[Mapping[str, Scalar]] = {"file": "ETTh1", "lookback": 96, "horizon": 96, "patch": 48}

    @classmethod
    def read(cls, data_root: Path, *, options: Mapping[str, Scalar]) -> TaskData:
        """Read one file."""
        if options["file"] not in _FILES:
            raise ConfigError(
                "task.options.file",
                expected=f"one of {', '.join(_FILES)}",
                got=repr(options["file"]),
                remedy="correct it",
            )
        path = data_folder(data_root, task="ett") / f"{options['file']}.csv"
        names, values = numeric_columns(path)
        ends = (12 * _MONTH, 16 * _MONTH, 20 * _MONTH)
        if len(values) < ends[-1]:
            raise DataError(
                str(path), expected=f"{ends[-1]} hours", got=str(len(values)), remedy="copy the original file again"
            )
        return series_data(
            values,
            ends=ends,
            lookback=int(options["lookback"]),
            horizon=int(options["horizon"]),
            patch=int(options["patch"]),
            where=str(path),
            names=names,
        )


TASK = ETT
