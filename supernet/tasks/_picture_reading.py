"""Reading many pictures as one array: those of folders, one a class, or those that a table names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_space.errors import DataError
from supernet.readers.labels import check_labels
from supernet.readers.memory import require_memory
from supernet.readers.pictures import SUFFIXES, Depth, Pictures, is_hidden, read_picture
from supernet.readers.words import counted, shown
from supernet.tasks._images import Labelled

__all__ = ["NAMES", "SPLITS", "PictureReader"]

NAMES = {"validation": ("validation", "val", "valid"), "test": ("test",)}
"""What the folders of splits beside ``train`` may be called."""

SPLITS = frozenset(("train", *(name for names in NAMES.values() for name in names)))
_COPIES = 3  # of the pictures in memory, at most: as they are read, together, and parted in splits


class PictureReader:
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

    @property
    def steps(self) -> list[Mapping[str, Any]]:
        """How a user makes the values of a picture."""
        size = {"size": [self.size, self.size], "resample": "bicubic"}
        return [{"do": "resize", "mode": self.mode, **size}, *self.values_step]

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
        if others := [name for name in names if name not in SPLITS]:
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
        return self.pictures([path for path, _ in paths], folder), np.array([number for _, number in paths], np.int64)

    def pictures(self, paths: Sequence[Path], folder: Path) -> NDArray[np.uint8] | NDArray[np.float32]:
        """Return the pictures of some files, ``(n, C, size, size)``; raises ``DataError`` for one that is none."""
        self._require(len(paths), 1, folder)
        images = []
        for path in paths:
            pixels, depth = read_picture(path, size=self.size, grey=self.grey, found=self.found)
            if depth not in self.depths:
                self.depths[depth] = str(path)
                self._check_depths()
                self._require(len(paths), 1 if depth == "8 bits" else 4, folder)
            images.append(pixels)
        if {x.dtype for x in images} == {np.dtype(np.uint8)}:
            stacked: NDArray[np.uint8] = np.stack(images).astype(np.uint8, copy=False)
            return stacked
        return np.stack([_as_floats(x) for x in images])

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
