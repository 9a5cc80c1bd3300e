"""The files of the splits that a user names: one each, or the splits of a data set of Hugging Face."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from search_space.errors import DataError
from search_space.spec import Scalar
from supernet.readers.dataset_folder import find_table, splits_of
from supernet.readers.labels import UnlabelledError
from supernet.readers.words import shown

__all__ = ["CALLED", "read_splits"]

CALLED = {"train": ("train",), "validation": ("validation", "val", "valid", "dev"), "test": ("test",)}
"""How folders call the splits."""

_OPTIONS = {"train": "path", "validation": "validation_path", "test": "test_path"}
_Examples = TypeVar("_Examples")


def read_splits(
    options: Mapping[str, Scalar], data_root: Path, *, kind: str, read: Callable[[str, Path], _Examples]
) -> tuple[dict[str, _Examples], tuple[str, ...]]:
    """Return the splits that are given, training among them, and a note of what is left out.

    Parameters
    ----------
    options
        ``path``, ``validation_path`` and ``test_path``; ``path`` may be a data set of several splits.
    data_root
        Where the files may lie.
    kind
        What they are, for errors.
    read
        Reads one, by its name and its file.

    Raises
    ------
    DataError
        A data set has no split ``train``, or two for validation; and what ``read`` raises.
    """
    files = {
        name: find_table(str(options[option]), data_root, kind=kind, option=f"task.options.{option}")
        for name, option in _OPTIONS.items()
        if options[option] or name == "train"
    }
    parts, told = splits_of(files["train"]), tuple[str, ...]()
    if parts is not None:
        folder, found = files.pop("train"), {n: [p for p in parts if p in called] for n, called in CALLED.items()}
        if not found["train"] or len(found["validation"]) > 1:
            raise DataError(
                str(folder),
                expected="a split train, and at most one for validation and for the test",
                got=", ".join(map(shown, parts)) or "none",
                remedy="set task.options.path, validation_path and test_path to the folders of the splits",
            )
        files = {**{name: parts[some[0]] for name, some in found.items() if some}, **files}
        used = set(files.values())
        if others := [shown(name) for name, path in parts.items() if path not in used]:
            told = (f"splits that are left out: {', '.join(others)}",)
    given: dict[str, _Examples] = {name: read(name, files[name]) for name in ("train", "validation") if name in files}
    if "test" in files:
        try:
            given["test"] = read("test", files["test"])
        except UnlabelledError:
            if parts is None or options["test_path"]:
                raise
            told = (*told, "the split test is left out, for it has no labels")
    return given, told
