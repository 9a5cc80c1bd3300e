"""Data that a program holds as a task: written as the files that a task reads, which lie in the run's folder.

So whatever works on a run works on it too: processes that train, a crash and the same call, the command line. The names
of the files hold a fingerprint of their content, by which a run knows the data again. Nothing is pickled: pictures and
series are an ``.npz`` of plain arrays, texts and tables Parquet.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from runs.api.examples import Examples, Label, examples_of
from runs.api.own_labels import LABELS, label_arrays, written
from search_space.errors import ConfigError, DataError
from supernet.readers.ties import SPLITS
from supernet.readers.words import shown
from supernet.tasks import Origin

__all__ = ["own_data"]

_ARRAYS, _TABLES = ("npz", "labelled_series"), ("table", "text")
_LABEL, _GROUPS, _TIME = "label", "groups", "time"


class _Folder:
    """A temporary folder that goes with this object."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="nasweave-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


def own_data(
    name: str | None,
    given: Mapping[str, object],
    *,
    groups: object,
    time: object,
    options: Mapping[str, object],
) -> Origin:
    """Return where data that a program holds can be read, as the task of its kind reads it.

    Parameters
    ----------
    name
        The task; the one that fits the examples when ``None``.
    given
        Examples by split, as :func:`examples_of` reads them; those of ``train``, and of others where they are not
        ``None``.
    groups, time
        Of each training example, or the name of a column of a table; ``None`` where there are none.
    options
        The task's own.

    Raises
    ------
    DataError
        For examples that no task reads.
    ConfigError
        For another task.
    """
    label = str(options.get(_LABEL) or _LABEL)
    parts = {
        split: examples_of(given[split], parameter=split, label=label)
        for split in SPLITS
        if given.get(split) is not None
    }
    task = _task_of(parts["train"], name)
    kept = _Folder()
    ties = {_GROUPS: groups, _TIME: time}
    write = _write_arrays if task in _ARRAYS else _write_tables
    made = {**options, "predict": options.get("predict") or _predicted(parts["train"])}
    files, more = write(kept.path, parts, ties=ties, options=made, task=task)
    chosen = {key: value for key, value in {**made, **more}.items() if not (task in _ARRAYS and key == _LABEL)}
    return Origin(task=task, keys={f"task.options.{k}": v for k, v in chosen.items()}, files=files, kept=kept)


def _task_of(train: Examples, name: str | None) -> str:
    fitting = {0: _TABLES, 1: ("table",), 2: _ARRAYS, 3: ("npz",)}.get(train.axes)
    if fitting is None:
        raise DataError(
            "train",
            expected="texts, rows, series (steps, channels) or pictures (C, H, W)",
            got=f"examples of {train.axes} axes",
            remedy="reshape them",
        )
    if name is None:
        if fitting == _TABLES:
            return "text" if list(train.fields) == ["text"] else "table"
        if len(fitting) == 1:
            return fitting[0]
        raise ConfigError(
            "task",
            expected="npz for pictures (H, W), or labelled_series for series (steps, channels)",
            got="examples of two axes and no name",
            remedy='write nasweave.task("npz", train=...) or nasweave.task("labelled_series", train=...)',
        )
    if name not in fitting and not (name == "labelled_series" and train.axes == 1):
        raise ConfigError(
            "task",
            expected=f"{' or '.join(fitting)}, for examples of {train.axes} axes" if train.axes else "table or text",
            got=repr(name),
            remedy="name one of these, or none",
        )
    return name


def _predicted(train: Examples) -> str:
    if any(isinstance(y, tuple) for y in train.labels):
        return LABELS
    return "number" if any(isinstance(y, float) for y in train.labels) else "class"


def _tie(value: object, count: int, *, parameter: str) -> list[Any]:
    """Return what groups or times are of each example, dates as text."""
    array = np.asarray(value)
    if array.shape != (count,) or array.dtype.kind not in "biufUOM":
        raise DataError(
            parameter, expected=f"one of each of the {count} training examples", got=str(array.shape), remedy="mend it"
        )
    return [str(v) if array.dtype.kind in "OMU" else v.item() for v in array]


# ------------------------------------------------------------------ arrays


def _write_arrays(
    folder: Path, parts: Mapping[str, Examples], *, ties: Mapping[str, object], options: Mapping[str, object], task: str
) -> tuple[dict[str, Path], dict[str, object]]:
    if options["predict"] == LABELS and task == "npz":
        arrays = label_arrays({split: part.labels for split, part in parts.items()})
        arrays |= {f"x_{split}": _together(part.arrays, split, padded=False) for split, part in parts.items()}
        return _save_arrays(folder, arrays, ties, count=len(parts["train"].labels))
    arrays = {}
    names = [] if options["predict"] != "class" else _names(parts["train"])
    known: dict[Label, int] = {name: number for number, name in enumerate(names)}
    for split, part in parts.items():
        if None in part.labels:
            where = f"{split}[{part.labels.index(None)}]"
            raise DataError(where, expected="a label", got="none", remedy="leave the example out")
        arrays[f"x_{split}"] = _together(part.arrays, split, padded=task == "labelled_series")
        if task == "npz" and names:
            if unseen := [y for y in part.labels if y not in known]:
                raise DataError(
                    f"{split}: labels",
                    expected="those of the training examples",
                    got=shown(repr(unseen[0])),
                    remedy="add training examples of it, or remove it",
                )
            arrays[f"y_{split}"] = np.array([known[y] for y in part.labels], dtype=np.int64)
        else:
            arrays[f"y_{split}"] = np.array([written(y, split, options) for y in part.labels])
    if task == "npz" and names and list(names) != list(range(len(names))):
        arrays["labels"] = np.array([str(name) for name in names])
    return _save_arrays(folder, arrays, ties, count=len(parts["train"].labels))


def _save_arrays(
    folder: Path, arrays: dict[str, NDArray[Any]], ties: Mapping[str, object], *, count: int
) -> tuple[dict[str, Path], dict[str, object]]:
    """Write arrays and what ties training examples together; the file is called after its content."""
    for what, value in ties.items():
        if value is not None:
            key = {_GROUPS: "groups_train", _TIME: "times_train"}[what]
            arrays[key] = np.array(_tie(value, count, parameter=what))
    digest = hashlib.sha256()
    for key, array in arrays.items():
        digest.update(f"{key} {array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    path = folder / f"examples-{digest.hexdigest()[:12]}.npz"
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
    return {"path": path}, {}


def _names(train: Examples) -> list[str | int | float]:
    found = {y for y in train.labels if y is not None and not isinstance(y, tuple)}
    return sorted(found, key=lambda y: (isinstance(y, str), 0 if isinstance(y, str) else y, str(y)))


def _together(arrays: Sequence[NDArray[Any]], split: str, *, padded: bool) -> NDArray[Any]:
    """Return examples as one array; series that end earlier go on with values that are missing."""
    shapes = {array.shape for array in arrays}
    if len(shapes) == 1:
        whole = np.stack(arrays)
        return whole.astype(np.float32) if whole.dtype.kind in "bi" else whole
    if not padded or len({shape[1:] for shape in shapes}) > 1:
        some = ", ".join(map(str, sorted(shapes)[:3]))
        raise DataError(split, expected="examples of one shape", got=some, remedy="cut or resize them")
    longest = max(shape[0] for shape in shapes)
    whole = np.full((len(arrays), longest, *arrays[0].shape[1:]), np.nan)
    for i, array in enumerate(arrays):
        whole[i, : len(array)] = array
    return whole


# ------------------------------------------------------------------ tables


def _write_tables(
    folder: Path, parts: Mapping[str, Examples], *, ties: Mapping[str, object], options: Mapping[str, object], task: str
) -> tuple[dict[str, Path], dict[str, object]]:
    more: dict[str, object] = {}
    label = str(options.get(_LABEL) or _LABEL)
    tables: dict[str, pa.Table] = {}
    columns = {split: _columns(part, split) for split, part in parts.items()}
    for what, value in ties.items():
        if value is None:
            continue
        if isinstance(value, str):
            more[what] = value
            continue
        name = f"({what})"  # of no column of a user
        more[what] = name
        for split, found in columns.items():
            count = len(parts[split].labels)
            own = [f"{split} {i}" if what == _GROUPS else i for i in range(count)]  # nothing ties what is given apart
            found[name] = _tie(value, count, parameter=what) if split == "train" else own
    digest = hashlib.sha256()
    for split, found in columns.items():
        if label in found:
            raise DataError(
                split,
                expected=f"no column {label!r} beside the labels that are given apart",
                got="one",
                remedy="rename it, or give the labels another name with label=",
            )
        cells = [written(y, split, options) for y in parts[split].labels]
        found[label] = [None if cell is None else str(cell) for cell in cells]
        try:
            tables[split] = pa.table({name: pa.array(values, from_pandas=True) for name, values in found.items()})
        except (pa.ArrowException, OverflowError, UnicodeError) as error:
            raise DataError(
                split, expected="columns of one type each", got=shown(str(error)), remedy="convert its cells"
            ) from error
        digest.update(repr([(name, values) for name, values in found.items()]).encode())
    files: dict[str, Path] = {}
    for split, table in tables.items():
        path = folder / f"{split}-{digest.hexdigest()[:12]}.parquet"
        pq.write_table(table, path)
        files["path" if split == "train" else f"{split}_path"] = path
    return files, more


def _columns(part: Examples, split: str) -> dict[str, list[Any]]:
    if part.fields:
        return {name: list(map(_cell, values)) for name, values in part.fields.items()}
    rows = _together(part.arrays, split, padded=False)
    return {f"x{i}": [float(v) for v in rows[:, i]] for i in range(rows.shape[1])}


def _cell(value: object) -> object:
    if isinstance(value, str) or value is None or value is pd.NaT:
        return None if value is pd.NaT else value
    return value.item() if isinstance(value, np.generic) and not isinstance(value, np.datetime64) else value
