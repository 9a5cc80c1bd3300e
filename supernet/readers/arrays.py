"""Arrays of numbers in an ``.npz`` file: nothing is unpickled, and sizes are checked before memory is taken."""

from __future__ import annotations

import math
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from search_space.errors import DataError, reason_of
from supernet.readers.memory import require_memory
from supernet.readers.words import shown

__all__ = ["read_arrays"]

_ENCRYPTED = 1
_MOST_AXES = 32
_REMEDY = "write it again with numpy.savez"


def read_arrays(path: Path, names: Sequence[str]) -> tuple[dict[str, NDArray[Any]], tuple[str, ...]]:
    """Return those of the named arrays that a file holds, and the names of its other members.

    Raises
    ------
    DataError
        For what is no whole, unencrypted ``.npz`` file of plain arrays of numbers, or more than memory holds.
    """
    try:
        with path.open("rb") as raw:
            if not zipfile.is_zipfile(raw):
                raw.seek(0)
                raise ValueError(_what_it_is(raw.read(8)))
            with zipfile.ZipFile(raw) as archive:
                members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
                wanted = {name: members[name] for name in names if name in members}
                shapes = {name: _shape(archive, info) for name, info in wanted.items()}
                needed = sum(math.prod(shape) * dtype.itemsize for shape, dtype in shapes.values())
                listed = ", ".join(f"{name} {shape}" for name, (shape, _) in shapes.items())
                require_memory(
                    5 * needed,  # as float32 and once more while it is checked
                    parameter=str(path),
                    what=f"arrays {listed}",
                    remedy="save fewer or smaller examples",
                )
                arrays = {name: _array(archive, info) for name, info in wanted.items()}
    except DataError:
        raise
    except Exception as error:  # what parsers make of damaged bytes is of any kind, also TokenError and RecursionError
        raise DataError(
            str(path),
            expected="a complete .npz file of plain arrays (no objects)",
            got=shown(reason_of(error), most=200),
            remedy=_REMEDY,
        ) from error
    return arrays, tuple(name for name in members if name not in names)


def _what_it_is(first: bytes) -> str:
    if first.startswith(npy.MAGIC_PREFIX):
        return "a single array"
    return f"no zip archive: it begins with {first!r}" if first else "an empty file"


def _shape(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Return the shape and the type of an array, which agree with the size of its file."""
    if info.flag_bits & _ENCRYPTED:
        raise ValueError(f"{info.filename}, which is encrypted")
    with archive.open(info) as file:
        shape, dtype = _header(file)
        size, there = math.prod(shape) * dtype.itemsize, info.file_size - file.tell()
        if size != there:
            raise ValueError(f"{info.filename} of {there:,} bytes, where its header says {shape}, {size:,} bytes")
    return shape, dtype


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = npy.read_magic(file)
    read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}.get(version)
    if read is None:
        raise ValueError(f"an array of version {version}, which names fields")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of headers that an old Python wrote
        shape, _, dtype = read(file)
    if dtype.hasobject:
        raise ValueError("an array of Python objects")
    if len(shape) > _MOST_AXES or any(n < 0 for n in shape):
        raise ValueError(f"an array of shape {shape}")
    return shape, dtype


def _array(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> NDArray[Any]:
    with archive.open(info) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        array: NDArray[Any] = npy.read_array(file, allow_pickle=False)
    return array
