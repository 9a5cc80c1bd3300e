"""Twelve small real data sets that come inside packages nasweave needs anyway, each with a test split set aside.

Of scikit-learn: wine, breast cancer, iris, diabetes, and the digits as rows, as pictures and as series of their lines.
Of plotly: restaurant bills (the tip, and whether there are smokers), life expectancies by country and year, rented
cars, winds. Groups stay whole: of countries, all years are in one split.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from plotly import data as plotly_data
from sklearn import datasets
from sklearn.model_selection import GroupShuffleSplit, train_test_split

import nasweave as nw
from supernet.tasks import TaskData

__all__ = ["DATA_SETS", "load"]

_TEST = 0.25


def _rows(name: str) -> tuple[Any, NDArray[Any]]:
    return getattr(datasets, f"load_{name}")(return_X_y=True)


def _table(name: str, label: str, *, leave: tuple[str, ...] = ()) -> tuple[Any, NDArray[Any]]:
    frame = getattr(plotly_data, name)()
    labels = frame[label].to_numpy()
    return frame.drop(columns=[label, *leave]), labels if labels.dtype.kind == "O" else labels.astype(float)


def _digits(*shape: int) -> tuple[Any, NDArray[Any]]:
    pixels, labels = datasets.load_digits(return_X_y=True)
    return pixels.reshape(-1, *shape).astype(np.float32), labels


_Load = Callable[[], tuple[Any, NDArray[Any]]]
DATA_SETS: dict[str, tuple[str, _Load]] = {
    "wine": ("table", lambda: _rows("wine")),
    "breast_cancer": ("table", lambda: _rows("breast_cancer")),
    "iris": ("table", lambda: _rows("iris")),
    "diabetes": ("table", lambda: _rows("diabetes")),
    "digits, rows": ("table", lambda: _digits(64)),
    "digits, pictures": ("npz", lambda: _digits(1, 8, 8)),
    "digits, series": ("labelled_series", lambda: _digits(8, 8)),
    "tips": ("table", lambda: _table("tips", "tip")),
    "tips, smoker": ("table", lambda: _table("tips", "smoker")),
    "life expectancy": ("table", lambda: _table("gapminder", "lifeExp", leave=("iso_alpha", "iso_num"))),
    "car hours": ("table", lambda: _table("carshare", "car_hours")),
    "winds": ("table", lambda: _table("wind", "frequency")),
}


def load(name: str, *, seed: int) -> TaskData:
    """Return the task of a data set, a quarter of its examples set aside as the test under a seed."""
    task, read = DATA_SETS[name]
    inputs, labels = read()
    groups = inputs.pop("country").to_numpy() if name == "life expectancy" else None
    rows = np.arange(len(labels))
    if groups is not None:
        (parts,) = GroupShuffleSplit(n_splits=1, test_size=_TEST, random_state=seed).split(rows, groups=groups)
    else:
        classes = labels if labels.dtype.kind in "iO" else None
        parts = train_test_split(rows, test_size=_TEST, random_state=seed, stratify=classes)

    def some(of: Any, which: NDArray[Any]) -> Any:
        return of.iloc[which].reset_index(drop=True) if isinstance(of, pd.DataFrame) else of[which]

    train, test = ((some(inputs, part), labels[part]) for part in parts)
    options = {"patch_size": 2} if task == "npz" else {}
    return nw.task(task, train=train, test=test, groups=None if groups is None else groups[parts[0]], **options)
