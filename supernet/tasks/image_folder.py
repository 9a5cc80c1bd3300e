"""The user's own pictures in folders, one a class: ``train/cat/1.png``, ``train/dog/7.jpg``, ...

Beside ``train`` there may be ``validation`` (or ``val``) and ``test``, with the same classes; a tenth of the pictures
is set aside for each that is missing, stratified by class under a fixed seed. Without ``train``, the classes lie in
``path`` itself. With ``labels_path``, a table says what each picture is: a class, any of several labels, or a number.
Folders in the folder of a class are read too, hidden ones and files that are no pictures are left out, and the summary
says so. Pictures are turned as their EXIF says, laid on white where they are transparent, and scaled to ``image_size``
pixels a side; those of 16 bits keep their values, as 0 to 1, and those of floats too, as they are. Needs Pillow:
``pip install 'nasweave[images]'``.

Convention: Paszke et al. 2019, PyTorch (torchvision's ``ImageFolder``).
"""

from __future__ import annotations

import importlib.util
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from search_space.errors import ConfigError, DataError
from search_space.spec import Scalar
from supernet.readers.files import find_file, find_folder
from supernet.readers.labelled import SUFFIXES, Texts, read_labelled
from supernet.readers.pictures import Pictures
from supernet.readers.ties import SPLITS
from supernet.readers.words import counted, shown
from supernet.tasks._answers import PREDICT, SEPARATOR, answers_of, separator_of
from supernet.tasks._base import Task, TaskData
from supernet.tasks._class_folders import class_files
from supernet.tasks._images import FLIP, PATCH_SIZE, SHIFT, image_data
from supernet.tasks._options import Option
from supernet.tasks._picture_reading import PictureReader
from supernet.tasks._setting_aside import GROUPS, TIME, all_splits


class ImageFolder(Task):
    """Classification of the pictures in ``path``, relative to the working directory or to ``data_root``."""

    options: ClassVar[Mapping[str, Option]] = {
        "path": Option(default="", meaning="the folder"),
        "image_size": Option(
            default=32,
            meaning="pixels a side that every picture is scaled to",
            low=2,
            high=2048,
            why="a picture of 2,048 pixels a side has 16,384 tokens of 16, as many as training holds",
        ),
        "patch_size": PATCH_SIZE,
        "grey": Option(default=False, meaning="whether pictures are read in grey, one channel in place of three"),
        "shift": replace(SHIFT, default=2),
        "flip": replace(FLIP, default=True),
        "labels_path": Option(
            default="", meaning="a table of the pictures' labels, in place of folders that are called like classes"
        ),
        "file": Option(default="file", meaning="of that table: name of the column of the files, as they lie in `path`"),
        "label": Option(
            default="label",
            meaning="of that table: name of the column of the labels; with `predict=labels` also columns of 0 and 1, "
            "as `a,b`",
        ),
        "predict": replace(PREDICT, meaning=f"of that table: {PREDICT.meaning}"),
        "label_separator": SEPARATOR,
        "groups": replace(GROUPS, meaning=f"of that table: {GROUPS.meaning}"),
        "time": replace(TIME, meaning=f"of that table: {TIME.meaning}"),
    }

    @classmethod
    def read(cls, data_root: Path, *, options: Mapping[str, Scalar]) -> TaskData:
        """Read and scale every picture."""
        if importlib.util.find_spec("PIL") is None:
            raise ConfigError(
                "task.name", expected="Pillow, to read pictures", got="none", remedy="pip install 'nasweave[images]'"
            )
        path = find_folder(str(options["path"]), data_root, kind="a folder of pictures, one folder a class")
        size, grey = int(options["image_size"]), bool(options["grey"])
        if options["labels_path"]:
            return _of_table(path, data_root, options)
        _check_folders(options)
        reader = PictureReader(size=size, grey=grey)
        found = class_files(path, reader.found)
        reader.require(len(found), found.folder)
        pictures = {name: (reader.pictures(found.files[name], found.folder), found.classes[name]) for name in SPLITS}
        train, validation, test = (reader.alike(pictures[name]) for name in SPLITS)
        return image_data(
            train,
            validation=validation,
            test=test,
            num_classes=len(found.names),
            patch_size=int(options["patch_size"]),
            shift=int(options["shift"]),
            flip=bool(options["flip"]),
            before=reader.steps,
            labels=found.names,
            splits_made=found.splits_made,
            notes=[*found.notes, *reader.notes],
            where=str(path),
        )


def _check_folders(options: Mapping[str, Scalar]) -> None:
    """Refuse what is said of a table of labels where there is none."""
    for name in ("file", "label", "predict", "label_separator", "groups", "time"):
        if options[name] != ImageFolder.options[name].default:
            raise ConfigError(
                f"task.options.{name}",
                expected="none where the folders of pictures are called like their classes",
                got=shown(str(options[name])),
                remedy="leave it out, or set task.options.labels_path to a table of files and labels",
            )


def _of_table(path: Path, data_root: Path, options: Mapping[str, Scalar]) -> TaskData:
    """Return the task of the pictures that a table names, with their labels."""
    table = find_file(
        str(options["labels_path"]),
        data_root,
        kind=f"a table of files and labels ({', '.join(SUFFIXES)})",
        option="task.options.labels_path",
    )
    predict = str(options["predict"])
    columns = {name: str(options[name]) for name in ("label", "groups", "time")}
    named = read_labelled(table, text=str(options["file"]), separator=separator_of(options), **columns)
    if not options["groups"]:
        _check_once(named, table)
    splits, splits_made = all_splits({"train": named}, predict=predict, where=str(table), remedy="add pictures")
    answers = answers_of({name: part.labels for name, part in splits.items()}, predict=predict, where=str(table))
    reader = PictureReader(size=int(options["image_size"]), grey=bool(options["grey"]))
    files = {name: _files(part, path, table) for name, part in splits.items()}
    pictures = {name: reader.pictures(some, path) for name, some in files.items()}
    unnamed = set(Pictures().paths(path)) - {file for some in files.values() for file in some}
    told = [f"left out, for {table.name} does not name it: {counted(len(unnamed), 'picture')}"] if unnamed else []
    train, validation, test = (
        reader.alike((pictures[name], np.zeros(len(splits[name])))) for name in ("train", "validation", "test")
    )
    data = image_data(
        train,
        validation=validation,
        test=test,
        answers=answers,
        patch_size=int(options["patch_size"]),
        shift=int(options["shift"]),
        flip=bool(options["flip"]),
        before=reader.steps,
        splits_made=splits_made,
        notes=[*named.notes, *told, *reader.notes],
        where=str(path),
    )
    grouped = {name: replace(getattr(data, name), groups=part.ties.numbers) for name, part in splits.items()}
    return replace(data, in_order=bool(named.ties.times), **grouped)


def _check_once(named: Texts, table: Path) -> None:
    """Raise ``DataError`` for a picture in several rows, which could be in training and in the test."""
    ((name, rows),) = Counter(name.strip() for name in named.texts).most_common(1)
    if rows > 1:
        raise DataError(
            f"{table}, column task.options.file",
            expected="each picture in one row",
            got=f"'{shown(name)}' in {rows}",
            remedy="put all labels of a picture into one row, or set task.options.groups to the column of the files",
        )


def _files(named: Texts, folder: Path, table: Path) -> list[Path]:
    """Return the files that a table names; raises ``DataError`` for one that is not in the folder."""
    found = []
    for name in named.texts:
        path = folder / name.strip()
        if not path.is_file() or not path.resolve().is_relative_to(folder.resolve()):
            raise DataError(
                f"{table}, column task.options.file",
                expected=f"pictures in {folder}",
                got=f"'{shown(name)}', which is none of its files",
                remedy="correct the name, task.options.path or task.options.file",
            )
        found.append(path)
    return found


TASK = ImageFolder
