"""Examples that a program holds, whatever holds them: arrays, lists, tables of pandas, data sets of PyTorch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from search_space.errors import DataError
from supernet.readers.words import shown

__all__ = ["Examples", "Label", "examples_of"]

Label = str | int | float | tuple[str, ...] | None
"""A class, a number, several labels, or nothing."""

_EXPECTED = "arrays (x, y), a DataFrame, or what has a length and gives (x, y) by number"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Examples:
    """Examples of one kind and their labels.

    Parameters
    ----------
    arrays
        Of each example its numbers; empty where it has fields.
    fields
        By name, of each example a text, a number or nothing; empty where it has numbers.
    labels
        A text, a whole number or a float of each example, or ``None``; of several labels, a tuple of texts.
    """

    arrays: Sequence[NDArray[Any]] = ()
    fields: Mapping[str, Sequence[object]]
    labels: Sequence[Label]

    @property
    def axes(self) -> int:
        """How many axes the numbers of an example have; 0 where it has fields."""
        return self.arrays[0].ndim if len(self.arrays) else 0


def examples_of(given: object, *, parameter: str, label: str) -> Examples:
    """Return the examples of an object, each of which is read once.

    Parameters
    ----------
    given
        ``(x, y)`` of arrays or lists, a pandas table, or anything with ``__len__`` and ``__getitem__`` that gives
        ``(x, y)``, or a mapping with the field ``label``, by number.
    parameter
        Names it in errors.
    label
        Name of the column or field of the labels.

    Raises
    ------
    DataError
        For anything else, examples of different kinds, or one that is another every time it is read.
    """
    if isinstance(given, pd.DataFrame):
        return _of_fields(_columns(given, parameter), label, parameter)
    if isinstance(given, tuple) and len(given) == 2 and not isinstance(given[0], tuple | Mapping | str):
        inputs, labels = given
        if not (hasattr(inputs, "__len__") and hasattr(labels, "__len__")):
            raise _refused(parameter, f"({type(inputs).__name__}, {type(labels).__name__})")
        if len(inputs) != len(labels):
            got = f"{len(inputs)} and {len(labels)}"
            raise DataError(parameter, expected="as many labels as examples", got=got, remedy="give one of each")
        if isinstance(inputs, pd.DataFrame):
            return Examples(fields=_columns(inputs, parameter), labels=[_label(y, parameter) for y in _plain(labels)])
        return _of_pairs(list(zip(_plain(inputs), _plain(labels), strict=True)), parameter)
    if isinstance(given, str | bytes | Mapping) or not (hasattr(given, "__len__") and hasattr(given, "__getitem__")):
        raise _refused(parameter, type(given).__name__)
    items = [given[i] for i in range(len(given))]
    if not items:
        raise DataError(parameter, expected="examples", got="none", remedy="give some")
    _check_same(items[0], given[0], parameter)
    if all(isinstance(item, Mapping) for item in items):
        names = list(items[0])
        if odd := next((i for i, item in enumerate(items) if list(item) != names), None):
            raise DataError(
                f"{parameter}[{odd}]",
                expected=f"the fields {', '.join(map(str, names))}",
                got=shown(", ".join(map(str, items[odd]))),
                remedy="give all examples the same fields",
            )
        return _of_fields({str(name): [item[name] for item in items] for name in names}, label, parameter)
    for i, item in enumerate(items):
        if not (isinstance(item, tuple | list) and len(item) == 2):
            raise DataError(
                f"{parameter}[{i}]", expected="(x, y)", got=type(item).__name__, remedy="give an example and its label"
            )
    return _of_pairs(items, parameter)


def _columns(frame: pd.DataFrame, parameter: str) -> dict[str, Sequence[object]]:
    names = [str(name) for name in frame.columns]
    if (twice := next((name for name in names if names.count(name) > 1), None)) is not None:
        got = f"{shown(twice)!r} twice"
        raise DataError(parameter, expected="columns of different names", got=got, remedy="rename them")
    return {name: frame.iloc[:, place].tolist() for place, name in enumerate(names)}


def _refused(parameter: str, got: str) -> DataError:
    return DataError(parameter, expected=_EXPECTED, got=shown(got), remedy="convert it")


def _check_same(first: Any, again: Any, parameter: str) -> None:
    """Refuse examples that are drawn at random: every epoch would see the one that was read."""
    pairs = zip(first, again, strict=False) if isinstance(first, tuple | list) else ()
    for one, other in pairs:
        mine, its = _as_array(one), _as_array(other)
        both = mine.dtype.kind + its.dtype.kind
        if "O" not in both and not np.array_equal(mine, its, equal_nan=both == "ff"):
            raise DataError(
                f"{parameter}[0]",
                expected="the same example every time it is read, for each is read once",
                got="another the second time",
                remedy="leave random changes out; options such as shift and flip make them in training",
            )


def _of_fields(fields: dict[str, Sequence[object]], label: str, parameter: str) -> Examples:
    if label not in fields:
        raise DataError(
            parameter,
            expected=f"a field {label!r} of labels",
            got=shown(", ".join(fields)) or "none",
            remedy="name it with label=",
        )
    labels = [_label(y, parameter) for y in fields[label]]
    return Examples(fields={name: values for name, values in fields.items() if name != label}, labels=labels)


def _of_pairs(pairs: Sequence[tuple[Any, Any]], parameter: str) -> Examples:
    if not pairs:
        raise DataError(parameter, expected="examples", got="none", remedy="give some")
    inputs, labels = [x for x, _ in pairs], [_label(y, parameter) for _, y in pairs]
    if all(isinstance(x, str) for x in inputs):
        return Examples(fields={"text": inputs}, labels=labels)
    if all(isinstance(x, Mapping) for x in inputs):
        names = list(inputs[0])
        if all(list(x) == names for x in inputs):
            return Examples(fields={str(n): [x[n] for x in inputs] for n in names}, labels=labels)
    arrays = [_array(x, f"{parameter}[{i}]") for i, x in enumerate(inputs)]
    if kinds := {a.ndim for a in arrays} - {arrays[0].ndim}:
        raise DataError(
            parameter,
            expected=f"examples of {arrays[0].ndim} axes, as the first has",
            got=f"some of {', '.join(map(str, sorted(kinds)))}",
            remedy="give all examples one form",
        )
    return Examples(arrays=arrays, fields={}, labels=labels)


def _as_array(x: Any) -> NDArray[Any]:
    """Return what numpy makes of an object, an array of objects where that is nothing."""
    try:
        return np.asarray(x.detach().cpu() if isinstance(x, torch.Tensor) else x)
    except (TypeError, ValueError):  # lists of unequal lengths, kinds of numbers that numpy lacks
        return np.empty((), dtype=object)


def _array(x: Any, where: str) -> NDArray[Any]:
    """Return the numbers of an example; channels of a picture of Pillow come first."""
    is_picture = hasattr(x, "getbands")
    array = _as_array(x)
    if array.dtype.kind not in "biuf" or array.ndim == 0:
        raise DataError(
            where, expected="numbers, or a text", got=f"{type(x).__name__} ({array.dtype})", remedy="convert it"
        )
    return array.transpose(2, 0, 1) if is_picture and array.ndim == 3 else array


def _plain(values: Any) -> Any:
    """Return arrays as they are read fastest, one by one."""
    if isinstance(values, torch.Tensor):
        return values.detach().cpu().numpy()
    if isinstance(values, pd.DataFrame):
        return values.iloc[:, 0].tolist() if values.shape[1] == 1 else values.to_numpy()
    return values.tolist() if isinstance(values, pd.Series) else values


def _label(value: Any, parameter: str) -> Label:
    """Return a label as it is written, ``None`` for what stands for none; a list or set of texts is several labels."""
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple | set | frozenset) and all(isinstance(one, str) for one in value):
        return tuple(sorted(set(value)))
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    array = _as_array(value)
    if array.size != 1 or array.dtype.kind not in "biufU":
        raise DataError(
            f"{parameter}: labels",
            expected="a class, a number, or a list of texts of each example",
            got=f"{type(value).__name__} of {array.size} values",
            remedy="give a text, a whole number or a float, or of several labels a list of texts",
        )
    found: Any = array.reshape(()).item()
    if isinstance(found, float) and math.isnan(found):
        return None  # as pandas has what is missing
    return str(found) if isinstance(found, bool | str) else found
