"""The user's own pictures in folders, one a class: ``train/cat/1.png``, ``train/dog/7.jpg``, ...

Beside ``train`` there may be ``validation`` (or ``val``) and ``test``, with the same classes; a tenth of the pictures
is set aside for each that is missing, stratified by class under a fixed seed. Without ``train``, the classes lie in
``path`` itself. Folders in the folder of a class are read too, hidden ones and files that are no pictures are left
out, and the summary says so. Pictures are turned as their EXIF says, laid on white where they are transparent, and
scaled to ``image_size`` pixels a side; those of 16 bits keep their values, as 0 to 1, and those of floats too, as they
are. Needs Pillow: ``pip install 'nasweave[images]'``.

Convention: Paszke et al. 2019, PyTorch (torchvision's ``ImageFolder``).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from search_space.errors import ConfigError, DataError
from search_space.spec import Scalar
from supernet.readers.files import find_folder
from supernet.readers.labels import check_labels
from supernet.readers.memory import require_memory
from supernet.readers.pictures import SUFFIXES, Depth, Pictures, is_hidden, read_picture
from supernet.readers.words import counted, shown
from supernet.tasks._base import Task, TaskData
from supernet.tasks._images import FLIP, PATCH_SIZE, SHIFT, Labelled, image_data, parted
from supernet.tasks._options import Option
from supernet.tasks._setting_aside import ASIDE, set_aside

_NAMES = {"validation": ("validation", "val", "valid"), "test": ("test",)}
_SPLITS = frozenset(("train", *(name for names in _NAMES.values() for name in names)))
_COPIES = 3  # of the pictures in memory, at most: as they are read, together, and parted in splits


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
        folder = path / "train" if (path / "train").is_dir() else path
        reader = _Reader(size=size, grey=grey)
        classes = reader.classes(folder)
        if folder == path and {name.casefold() for name in classes} <= _SPLITS:
            raise DataError(
                str(path),
                expected="a folder train, or one folder a class",
                got=", ".join(map(shown, classes)),
                remedy="call the folder of the training pictures train",
            )
        train, others = reader.read(folder, classes, is_train=True), {}
        for name, called in _NAMES.items():
            there = [path / other for other in called if folder != path and (path / other).is_dir()]
            if len(there) > 1:
                raise DataError(
                    str(path),
                    expected=f"one folder for {name}",
                    got=", ".join(p.name for p in there),
                    remedy="keep one of them",
                )
            if there:
                reader.check_classes(there[0], classes)
                others[name] = reader.read(there[0], classes)
        train, others = reader.alike(train), {name: reader.alike(part) for name, part in others.items()}
        is_set_aside = len(others) < len(_NAMES)
        for name in [name for name in ("test", "validation") if name not in others]:
            rows = set_aside(
                train[1],
                classes,
                where=str(folder),
                remedy="add pictures, or folders validation and test beside train",
                splits=len(_NAMES) - len(others),
            )
            train, others[name] = parted(train, *rows)
        before: list[Mapping[str, Any]] = [
            {"do": "resize", "mode": reader.mode, "size": [size, size], "resample": "bicubic"},
            *reader.values_step,
        ]
        if folder != path:
            reader.tell_of_others(path)
        return image_data(
            train,
            validation=others["validation"],
            test=others["test"],
            num_classes=len(classes),
            patch_size=int(options["patch_size"]),
            shift=int(options["shift"]),
            flip=bool(options["flip"]),
            before=before,
            labels=classes,
            splits_made=ASIDE if is_set_aside else "in folders of their own",
            notes=reader.notes,
            where=str(path),
        )


class _Reader:
    """Reads the splits of one data set, and remembers what it met."""

    def __init__(self, *, size: int, grey: bool) -> None:
        self.size, self.grey, self.found = size, grey, Pictures()
        self.depths: dict[Depth, str] = {}  # and the first picture of each
        self.told: list[str] = []

    @property
    def notes(self) -> list[str]:
        """What was left out or changed."""
        return [*self.told, *self.found.notes]

    @property
    def mode(self) -> str:
        """Pillow's name of what pictures are before they are scaled."""
        return "F" if set(self.depths) - {"8 bits"} else "L" if self.grey else "RGB"

    @property
    def values_step(self) -> list[Mapping[str, Any]]:
        """How a user makes the values of pictures that are not of bytes."""
        if self.mode != "F" or "floats" in self.depths:
            return []
        return [{"do": "divide", "by": {"8 bits": 255, "16 bits": 65_535}, "values": "0 to 1, by the bits of a pixel"}]

    def classes(self, folder: Path) -> list[str]:
        """Return the classes of a folder, hidden ones left out."""
        there = sorted(p.name for p in folder.iterdir() if p.is_dir())
        classes = [name for name in there if not is_hidden(name)]
        self.found.hidden += [name for name in there if is_hidden(name)]
        if loose := sum(p.suffix.lower() in SUFFIXES and p.is_file() for p in folder.iterdir()):
            self.told.append(
                f"left out, in the folder of no class: {counted(loose, 'picture')} of {shown(folder.name)}"
            )
        if len(classes) < 2:
            raise DataError(
                str(folder),
                expected="two folders or more, one a class",
                got=", ".join(map(shown, classes)) or "none",
                remedy="put the pictures of each class into a folder of its name",
            )
        check_labels(classes, where=str(folder))
        return classes

    def check_classes(self, folder: Path, classes: Sequence[str]) -> None:
        """Raise ``DataError`` for a class that training lacks."""
        unseen = sorted({p.name for p in folder.iterdir() if p.is_dir() and not is_hidden(p.name)} - set(classes))
        if unseen:
            raise DataError(
                str(folder),
                expected="classes that train has too",
                got=f"{', '.join(map(shown, unseen[:5]))}, which it has not",
                remedy="add training pictures of them or remove them",
            )

    def tell_of_others(self, path: Path) -> None:
        """Note the folders beside ``train`` that are not read."""
        names = sorted(p.name for p in path.iterdir() if p.is_dir() and not is_hidden(p.name))
        if others := [name for name in names if name not in _SPLITS]:
            self.told.append(f"folders beside train are left out: {', '.join(map(shown, others[:5]))}")

    def read(self, folder: Path, classes: Sequence[str], *, is_train: bool = False) -> Labelled:
        """Return every picture of a split, ``(n, C, size, size)``, and its class."""
        paths: list[tuple[Path, int]] = []
        for i, name in enumerate(classes):
            there = self.found.paths(folder / name) if (folder / name).is_dir() else []
            if is_train and not there:  # before another class is looked at: the folder may be one of other things
                raise _no_pictures(folder / name)
            paths += [(path, i) for path in there]
        if not paths:
            raise _no_pictures(folder)
        self._require(len(paths), 1, folder)
        images = []
        for path, _ in paths:
            pixels, depth = read_picture(path, size=self.size, grey=self.grey, found=self.found)
            if depth not in self.depths:
                self.depths[depth] = str(path)
                self._check_depths()
                self._require(len(paths), 1 if depth == "8 bits" else 4, folder)
            images.append(pixels)
        labels = np.array([number for _, number in paths], np.int64)
        if {x.dtype for x in images} == {np.dtype(np.uint8)}:
            stacked: NDArray[np.uint8] = np.stack(images).astype(np.uint8, copy=False)
            return stacked, labels
        return np.stack([_as_floats(x) for x in images]), labels

    def alike(self, data: Labelled) -> Labelled:
        """Return a split with the values of all others: bytes, or floats where any picture is deep."""
        return (_as_floats(data[0]), data[1]) if set(self.depths) - {"8 bits"} else data

    def _check_depths(self) -> None:
        """Raise ``DataError`` for pictures of floats among others: nothing says which of their values are alike."""
        if "floats" in self.depths and len(self.depths) > 1:
            other = next(depth for depth in self.depths if depth != "floats")
            raise DataError(
                self.depths["floats"],
                expected=f"a picture of {other}, as {self.depths[other]} is",
                got="one of floats",
                remedy="save all pictures in one of the two ways",
            )

    def _require(self, count: int, size_of_value: int, folder: Path) -> None:
        channels = 1 if self.grey else 3
        require_memory(
            _COPIES * count * channels * self.size**2 * size_of_value,
            parameter=str(folder),
            what=f"{count:,} pictures of {self.size} x {self.size} in {channels} channels",
            remedy="lower task.options.image_size or use fewer pictures",
        )


def _no_pictures(folder: Path) -> DataError:
    return DataError(
        str(folder),
        expected=f"pictures ({', '.join(SUFFIXES)})",
        got="none",
        remedy="add some, or remove the folder",
    )


def _as_floats(pixels: NDArray[np.uint8] | NDArray[np.float32]) -> NDArray[np.float32]:
    return pixels.astype(np.float32) / np.float32(255) if pixels.dtype == np.uint8 else pixels.astype(np.float32)


TASK = ImageFolder
