"""Files of a user: found, regular, of a size that memory holds, and text where text is expected."""

from __future__ import annotations

import os
import stat
import zlib
from collections.abc import Callable
from pathlib import Path

from search_space.errors import ConfigError, DataError, reason_of
from supernet.readers.memory import require_memory
from supernet.readers.words import shown

__all__ = ["data_folder", "find_file", "find_folder", "read_bytes", "read_gzip", "read_text"]

_OPTION = "task.options.path"
_MOST_UNPACKED = 1 << 30
_GZIP = 16 + zlib.MAX_WBITS


def find_file(path: str, data_root: Path, *, kind: str, option: str = _OPTION) -> Path:
    """Return a regular file, relative to the working directory or to ``data_root``.

    Raises
    ------
    ConfigError
        When nothing is set.
    DataError
        When there is no such file, or what is there is a folder, a pipe or a device; ``kind`` says what was expected.
    """
    return _found(path, data_root, kind=kind, option=option, fits=stat.S_ISREG)


def find_folder(path: str, data_root: Path, *, kind: str, option: str = _OPTION) -> Path:
    """Return a folder, as :func:`find_file` does a file."""
    return _found(path, data_root, kind=kind, option=option, fits=stat.S_ISDIR)


def _found(path: str, data_root: Path, *, kind: str, option: str, fits: Callable[[int], bool]) -> Path:
    if not path.strip():
        raise ConfigError(option, expected=f"the path of {kind}", got="nothing", remedy=f"set {option}")
    given, reason = Path(os.path.expanduser(path)), ""
    for candidate in (given, data_root / given):
        try:
            mode = candidate.stat().st_mode
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:  # of the second kind is a path with a zero byte
            reason = f" ({getattr(error, 'strerror', None) or error})"
            continue
        if fits(mode):
            return candidate
        raise DataError(option, expected=kind, got=f"{_kind_of(mode)} at {candidate}", remedy="correct the path")
    raise DataError(
        option,
        expected=kind,
        got=f"nothing at {shown(str(given), most=400)}, neither here nor in {data_root}{reason}",
        remedy=f"correct {option}, or set data_root (NASWEAVE_DATA) to the folder that holds it",
    )


def _kind_of(mode: int) -> str:
    kinds = {stat.S_IFREG: "a file", stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
    return kinds.get(stat.S_IFMT(mode), "a device")


def data_folder(data_root: Path, *, task: str) -> Path:
    """Return the folder of a task's files; raises ``DataError`` where there is none."""
    folder = data_root / task
    if not folder.is_dir():
        raise DataError(
            "data_root",
            expected=f"a folder {task} with the data of task {task}",
            got=f"none in {data_root}",
            remedy="set data_root (or the environment variable NASWEAVE_DATA) to the folder that holds it",
        )
    return folder


def read_bytes(path: Path, *, times: int = 1) -> bytes:
    """Return a file's content; raises ``DataError`` for what cannot be read, is no file, or too large.

    Parameters
    ----------
    times
        The memory that its content takes once it is understood, in sizes of the file.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):  # one would wait at a pipe for ever, and a device never ends
            raise OSError(_kind_of(found.st_mode))
        require_memory(
            times * found.st_size,
            parameter=str(path),
            what=f"a file of {found.st_size:,} bytes",
            remedy="split it, or use a part of it",
        )
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise DataError(
            str(path),
            expected="a readable file",
            got=getattr(error, "strerror", None) or reason_of(error),
            remedy="correct the path or its permissions",
        ) from error


def read_text(path: Path, *, times: int = 8) -> str:
    """Return a file's text; raises ``DataError`` where it is empty, unreadable, too large or no UTF-8."""
    try:
        text = read_bytes(path, times=times).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            str(path), expected="a readable UTF-8 file", got=str(error), remedy="save it again as UTF-8"
        ) from error
    if not text.strip():
        raise DataError(str(path), expected="text", got="an empty file", remedy="choose another file")
    return text


def read_gzip(path: Path, *, remedy: str = "copy the original file again") -> bytes:
    """Return the content of a gzipped file of a task; raises ``DataError`` where it is missing, damaged, too large."""
    if not path.exists():
        raise DataError(
            str(path),
            expected="this file of the task",
            got="none",
            remedy="set data_root (or NASWEAVE_DATA) to the folder whose folders hold the original files",
        )
    packed, parts, total = read_bytes(path), [], 0
    try:
        while packed:  # one after the other: a file may consist of several
            member = zlib.decompressobj(_GZIP)
            parts.append(member.decompress(packed, _MOST_UNPACKED - total + 1))
            total += len(parts[-1])
            if total > _MOST_UNPACKED:
                raise ValueError(f"more than {_MOST_UNPACKED:,} bytes once unpacked")
            if not member.eof:
                raise ValueError("a file that ends too early")
            packed = member.unused_data.lstrip(b"\0")
    except (zlib.error, ValueError) as error:
        raise DataError(str(path), expected="a readable gzip file", got=reason_of(error), remedy=remedy) from error
    return b"".join(parts)
