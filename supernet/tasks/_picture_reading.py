"""Reading many pictures as one array: those of folders, one a class, or those that a table names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_space.errors import DataError
from supernet.readers.memory import require_memory
from supernet.readers.pictures import Depth, Pictures, read_picture
from supernet.tasks._images import Labelled

__all__ = ["PictureReader"]

_COPIES = 3  # of the pictures in memory, at most: as they are read, together, and parted in splits


class PictureReader:
    """Reads the splits of one data set, and remembers what it met."""

    def __init__(self, *, size: int, grey: bool) -> None:
        self.size, self.grey, self.found = size, grey, Pictures()
        self.depths: dict[Depth, str] = {}  # and the first picture of each

    @property
    def notes(self) -> list[str]:
        """What was left out or changed."""
        return [*self.found.notes]

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

    def pictures(self, paths: Sequence[Path], folder: Path) -> NDArray[np.uint8] | NDArray[np.float32]:
        """Return the pictures of some files, ``(n, C, size, size)``; raises ``DataError`` for one that is none."""
        self.require(len(paths), folder)
        images = []
        for path in paths:
            pixels, depth = read_picture(path, size=self.size, grey=self.grey, found=self.found)
            if depth not in self.depths:
                self.depths[depth] = str(path)
                self._check_depths()
                self.require(len(paths), folder, size_of_value=1 if depth == "8 bits" else 4)
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

    def require(self, count: int, folder: Path, *, size_of_value: int = 1) -> None:
        """Raise ``DataError`` where memory does not hold so many pictures."""
        channels = 1 if self.grey else 3
        require_memory(
            _COPIES * count * channels * self.size**2 * size_of_value,
            parameter=str(folder),
            what=f"{count:,} pictures of {self.size} x {self.size} in {channels} channels",
            remedy="lower task.options.image_size or use fewer pictures",
        )


def _as_floats(pixels: NDArray[np.uint8] | NDArray[np.float32]) -> NDArray[np.float32]:
    return pixels.astype(np.float32) / np.float32(255) if pixels.dtype == np.uint8 else pixels.astype(np.float32)
