"""A zip of pictures or clips becomes a folder: names that stay inside, files alone, no more bytes than is permitted."""

from __future__ import annotations

import lzma
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from search_space.errors import DataError, reason_of
from supernet.readers.folders import is_hidden

__all__ = ["unpack"]

_MOST_FILES = 500_000
_LONGEST_NAME = 200
_DEEPEST = 6
_CHUNK = 2**20
_ENCRYPTED = 0x1
_DAMAGES = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, RuntimeError, ValueError)


def unpack(archive: Path, folder: Path, *, most_bytes: int) -> Path:
    """Unpack a zip into a new folder, and return it, or the one folder that it consists of.

    Hidden files, which programs make for themselves, are left out, as their readers leave them out.

    Raises
    ------
    DataError
        It is damaged or encrypted, or holds names that lead elsewhere, links, too many files, or more than
        ``most_bytes`` once unpacked, whatever its directory says.
    """
    folder.mkdir()
    try:
        with zipfile.ZipFile(archive) as opened:
            left = most_bytes
            for info, path in _members(opened):
                target = folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                with opened.open(info) as source, target.open("xb") as copy:
                    while data := source.read(_CHUNK):
                        left -= len(data)
                        if left < 0:
                            raise _refused(f"at most {most_bytes} bytes once unpacked", "more")
                        copy.write(data)
    except _DAMAGES as error:
        raise _refused("a zip that can be unpacked", reason_of(error)) from error
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise _refused("names that differ", f"{Path(str(error.filename)).name!r} twice") from error
    inside = list(folder.iterdir())
    return inside[0] if len(inside) == 1 and inside[0].is_dir() and inside[0].name != "train" else folder


def _members(opened: zipfile.ZipFile) -> Iterator[tuple[zipfile.ZipInfo, PurePosixPath]]:
    """Yield the files that are wanted with their places."""
    infos = opened.infolist()
    if len(infos) > _MOST_FILES:
        raise _refused(f"at most {_MOST_FILES} files", str(len(infos)))
    for info in infos:
        path = PurePosixPath(info.filename)
        parts = path.parts
        is_safe = not path.is_absolute() and ".." not in parts and not {"\\", ":", "\x00"} & {*info.filename}
        if not is_safe or not parts or len(parts) > _DEEPEST or len(info.filename) > _LONGEST_NAME:
            expected = f"names inside of the folder, {_DEEPEST} parts and {_LONGEST_NAME} characters at most"
            raise _refused(expected, repr(info.filename[:80]))
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise _refused("files and folders alone", f"{info.filename[:80]!r}, which is a link or a device")
        if info.flag_bits & _ENCRYPTED:
            raise _refused("files that are not encrypted", repr(info.filename[:80]))
        if not info.is_dir() and not any(map(is_hidden, parts)):
            yield info, path


def _refused(expected: str, got: str) -> DataError:
    return DataError("zip", expected=expected, got=got, remedy="pack the folder again")
