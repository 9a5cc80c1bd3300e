"""Several labels of examples that a program holds: as cells of a table, and as arrays of 0 and 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runs.api.examples import Label
from search_space.errors import DataError
from supernet.readers.words import shown

__all__ = ["LABELS", "label_arrays", "written"]

LABELS = "labels"
"""What ``predict`` says where an example has any of several labels."""

_SEPARATOR = "label_separator"


def written(label: Label, split: str, options: Mapping[str, object]) -> str | int | float | None:
    """Return a label as a cell has it, several ones parted by the task's separator.

    Raises
    ------
    DataError
        One of several labels holds the separator, or nothing says whether an example has any.
    """
    if label is None and options["predict"] == LABELS:
        raise _lacking(split, "nothing")
    if not isinstance(label, tuple):
        return label
    separator = str(options.get(_SEPARATOR) or "|")
    if inside := next((name for name in label if separator in name), None):
        raise DataError(
            f"{split}: labels",
            expected=f"labels without {separator!r}, which parts them",
            got=shown(repr(inside)),
            remedy=f"set {_SEPARATOR}= to a sign that no label has",
        )
    return separator.join(label)


def label_arrays(labels: Mapping[str, Sequence[Label]]) -> dict[str, NDArray[Any]]:
    """Return the arrays of an ``.npz`` that say which example of each split has which label, and their names.

    Raises
    ------
    DataError
        For a label that is no tuple, or one that training lacks.
    """
    told = {split: [_several(label, split) for label in part] for split, part in labels.items()}
    names = sorted({name for some in told["train"] for name in some})
    arrays: dict[str, NDArray[Any]] = {"labels": np.array(names)}
    for split, part in told.items():
        if unseen := sorted({name for some in part for name in some} - set(names)):
            raise DataError(
                f"{split}: labels",
                expected="those of the training examples",
                got=shown(repr(unseen[0])),
                remedy="add training examples of it, or remove it",
            )
        arrays[f"y_{split}"] = np.array([[name in some for name in names] for some in part], dtype=np.uint8)
    return arrays


def _several(label: Label, split: str) -> tuple[str, ...]:
    if not isinstance(label, tuple):
        raise _lacking(split, type(label).__name__)
    return label


def _lacking(split: str, got: str) -> DataError:
    return DataError(
        f"{split}: labels",
        expected="a list of texts of every example, for predict='labels'",
        got=got,
        remedy="give a list, empty for an example with no label",
    )
