"""Folders that are called like classes: which files are in which split, and of which class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from search_space.errors import DataError
from supernet.readers.folders import Folders, is_hidden
from supernet.readers.labels import check_labels
from supernet.readers.words import counted, shown
from supernet.tasks._files import CALLED
from supernet.tasks._setting_aside import ASIDE, set_aside

__all__ = ["ClassFiles", "class_files"]

_SPLITS = frozenset(name for names in CALLED.values() for name in names)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ClassFiles:
    """The files of each split, and their classes.

    Parameters
    ----------
    folder
        Of the training files.
    names
        Of the classes.
    files, classes
        Of each split the files, and the class number of each, ``(n,)``.
    splits_made
        How the splits came about.
    notes
        What was left out.
    """

    folder: Path
    names: Sequence[str]
    files: Mapping[str, Sequence[Path]]
    classes: Mapping[str, NDArray[np.int64]]
    splits_made: str
    notes: Sequence[str]

    def __len__(self) -> int:
        return sum(map(len, self.files.values()))


def class_files(path: Path, found: Folders) -> ClassFiles:
    """Return the files of ``path/train``, and of validation and test beside it, or of ``path`` itself.

    A tenth of the training files is set aside for each split that is missing, stratified by class under a fixed seed.

    Parameters
    ----------
    path
        The folder.
    found
        Of which kind the files are; it counts what is left out.

    Raises
    ------
    DataError
        For fewer than two classes, a class without files or one that training lacks, too few files to set some aside,
        and splits without training.
    """
    folder = path / "train" if (path / "train").is_dir() else path
    names, notes = _names(folder, found)
    if folder == path and {name.casefold() for name in names} <= _SPLITS:
        raise DataError(
            str(path),
            expected="a folder train, or one folder a class",
            got=", ".join(map(shown, names)),
            remedy=f"call the folder of the training {found.what}s train",
        )
    parts = {"train": _listed(folder, names, found, is_train=True)}
    for name in ("validation", "test"):
        called = CALLED[name]
        there = [path / other for other in called if folder != path and (path / other).is_dir()]
        if len(there) > 1:
            raise DataError(
                str(path),
                expected=f"one folder for {name}",
                got=", ".join(p.name for p in there),
                remedy="keep one of them",
            )
        if there:
            _check_names(there[0], names, found)
            parts[name] = _listed(there[0], names, found)
    lacking = [name for name in ("test", "validation") if name not in parts]
    for done, name in enumerate(lacking):
        files, classes = parts["train"]
        rest, taken = set_aside(
            classes,
            list(names),
            where=str(folder),
            remedy=f"add {found.what}s, or folders validation and test beside train",
            splits=len(lacking) - done,
        )
        parts["train"], parts[name] = (([files[i] for i in rows], classes[rows]) for rows in (rest, taken))
    if folder != path:
        beside = sorted(p.name for p in path.iterdir() if p.is_dir() and not is_hidden(p.name))
        if others := [name for name in beside if name not in _SPLITS]:
            notes.append(f"folders beside train are left out: {', '.join(map(shown, others[:5]))}")
    return ClassFiles(
        folder=folder,
        names=names,
        files={name: files for name, (files, _) in parts.items()},
        classes={name: classes for name, (_, classes) in parts.items()},
        splits_made=ASIDE if lacking else "in folders of their own",
        notes=notes,
    )


def _names(folder: Path, found: Folders) -> tuple[list[str], list[str]]:
    """Return the classes of a folder, hidden ones left out, and a note of files in the folder of none."""
    there = sorted(p.name for p in folder.iterdir() if p.is_dir())
    names = [name for name in there if not is_hidden(name)]
    found.hidden += [name for name in there if is_hidden(name)]
    loose = sum(p.suffix.lower() in found.suffixes and p.is_file() for p in folder.iterdir())
    if len(names) < 2:
        raise DataError(
            str(folder),
            expected="two folders or more, one a class",
            got=", ".join(map(shown, names)) or "none",
            remedy=f"put the {found.what}s of each class into a folder of its name",
        )
    check_labels(names, where=str(folder))
    told = f"left out, in the folder of no class: {counted(loose, found.what)} of {shown(folder.name)}"
    return names, [told] if loose else []


def _check_names(folder: Path, names: Sequence[str], found: Folders) -> None:
    """Raise ``DataError`` for a class that training lacks."""
    unseen = sorted({p.name for p in folder.iterdir() if p.is_dir() and not is_hidden(p.name)} - set(names))
    if unseen:
        raise DataError(
            str(folder),
            expected="classes that train has too",
            got=f"{', '.join(map(shown, unseen[:5]))}, which it has not",
            remedy=f"add training {found.what}s of them or remove them",
        )


def _listed(
    folder: Path, names: Sequence[str], found: Folders, *, is_train: bool = False
) -> tuple[list[Path], NDArray[np.int64]]:
    """Return the files of a split and their classes."""
    files, classes = list[Path](), list[int]()
    for i, name in enumerate(names):
        there = found.paths(folder / name) if (folder / name).is_dir() else []
        if is_train and not there:
            raise _no_files(folder / name, found)
        files += there
        classes += [i] * len(there)
    if not files:
        raise _no_files(folder, found)
    return files, np.array(classes, np.int64)


def _no_files(folder: Path, found: Folders) -> DataError:
    return DataError(
        str(folder),
        expected=f"{found.what}s ({', '.join(found.suffixes)})",
        got="none",
        remedy="add some, or remove the folder",
    )
