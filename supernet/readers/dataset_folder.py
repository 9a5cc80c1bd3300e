"""Folders of data sets as Hugging Face ``datasets`` save them: Arrow files, and a description of their columns.

``Dataset.save_to_disk`` leaves ``state.json`` (the files), ``dataset_info.json`` (what columns mean) and Arrow streams,
``DatasetDict.save_to_disk`` a ``dataset_dict.json`` beside a folder for each split. The library is not needed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from search_space.errors import DataError, reason_of
from search_space.schema import MalformedError, file_path, is_file_name, parse_json, read_file
from supernet.readers.files import find_file
from supernet.readers.words import shown

__all__ = ["class_names", "data_files", "find_table", "is_dataset", "splits_of"]

_STATE, _INFO, _SPLITS = "state.json", "dataset_info.json", "dataset_dict.json"
_MOST_BYTES, _MOST_FILES, _MOST_SPLITS = 1 << 26, 100_000, 100
_LISTS = ("Sequence", "List", "LargeList")
_REMEDY = "save it again with save_to_disk, or as Parquet"


def is_dataset(path: Path) -> bool:
    """Whether a path is the folder of a data set, or of several splits of one."""
    try:
        return (path / _STATE).is_file() or (path / _SPLITS).is_file()
    except OSError:  # such as of a name that is too long
        return False


def find_table(path: str, data_root: Path, *, kind: str, option: str = "task.options.path") -> Path:
    """Return the file of a table, or the folder of a data set, as :func:`supernet.readers.files.find_file` does."""
    given = Path(os.path.expanduser(path))
    if path.strip():
        for candidate in (given, data_root / given):
            if is_dataset(candidate):
                return candidate
    return find_file(path, data_root, kind=f"{kind}, or a folder of a data set of Hugging Face", option=option)


def splits_of(folder: Path) -> dict[str, Path] | None:
    """Return the folder of each split of a data set, ``None`` where it is no data set of several.

    Raises
    ------
    DataError
        The list of the splits is damaged, or names what is no folder of a data set.
    """
    if not (folder / _SPLITS).is_file():
        return None
    names = _read(folder / _SPLITS).get("splits")
    if not isinstance(names, list) or len(names) > _MOST_SPLITS or not all(map(is_file_name, names)):
        raise _damaged(folder / _SPLITS, f"splits {shown(repr(names))}")
    for name in names:
        if not (folder / name / _STATE).is_file():
            raise _damaged(folder / _SPLITS, f"a split {shown(name)!r} without a {_STATE}")
    return {name: folder / name for name in names}


def data_files(folder: Path) -> list[Path]:
    """Return the Arrow files of a data set, in their order.

    Raises
    ------
    DataError
        The list of the files is damaged, leads out of the folder, or is one of several splits or of chosen rows.
    """
    if (folder / _SPLITS).is_file():
        raise DataError(
            str(folder),
            expected="a data set of one split",
            got=f"several: {', '.join(map(shown, splits_of(folder) or ()))}",
            remedy="name the folder of one of them",
        )
    state = _read(folder / _STATE)
    if state.get("_indices_data_files"):
        raise DataError(
            str(folder / _STATE),
            expected="all rows of the files",
            got="a choice of rows in a file of its own",
            remedy="call flatten_indices() before save_to_disk",
        )
    listed = state.get("_data_files")
    if not isinstance(listed, list) or not 0 < len(listed) <= _MOST_FILES:
        raise _damaged(folder / _STATE, f"files {shown(repr(listed))}")
    try:
        return [folder / file_path(entry.get("filename") if isinstance(entry, dict) else None) for entry in listed]
    except MalformedError as error:
        raise _damaged(folder / _STATE, error.reason) from error


def class_names(folder: Path) -> dict[str, tuple[str, ...]]:
    """Return the names of the classes of each column that holds numbers of classes, or lists of them."""
    path = folder / _INFO
    features = _read(path).get("features") if path.is_file() else None
    if not isinstance(features, dict):
        return {}
    found = {str(name): _names(feature) for name, feature in features.items()}
    for name, names in found.items():
        if names is not None and not all(isinstance(one, str) for one in names):
            raise _damaged(path, f"names of classes of {shown(name)} that are no texts")
    return {name: tuple(names) for name, names in found.items() if names}


def _names(feature: Any) -> list[Any] | None:
    """Return the names of the classes that a column, or the items of a list, are numbers of."""
    if isinstance(feature, list) and len(feature) == 1:
        return _names(feature[0])
    if not isinstance(feature, dict):
        return None
    if feature.get("_type") in _LISTS:
        return _names(feature.get("feature"))
    names = feature.get("names")
    return names if feature.get("_type") == "ClassLabel" and isinstance(names, list) else None


def _read(path: Path) -> Mapping[str, Any]:
    try:
        found = parse_json(read_file(path, most_bytes=_MOST_BYTES))
    except (MalformedError, OSError) as error:
        raise _damaged(path, reason_of(error)) from error
    if not isinstance(found, dict):
        raise _damaged(path, type(found).__name__)
    return found


def _damaged(path: Path, got: str) -> DataError:
    return DataError(str(path), expected="a data set as datasets saves it to disk", got=got, remedy=_REMEDY)
