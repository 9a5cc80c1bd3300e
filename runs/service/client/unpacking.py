"""A zip that a service sends: it is one folder, and nothing of it leads elsewhere."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import IO

from search_space.errors import ConfigError

__all__ = ["unpacked"]


def unpacked(answer: IO[bytes], to: Path) -> Path:
    """Unpack what a service sends into a folder, and return the new folder inside of it.

    Raises
    ------
    ConfigError
        It is damaged or cut off, leads elsewhere, or the folder cannot be written.
    """
    with tempfile.TemporaryFile() as file:
        shutil.copyfileobj(answer, file)
        try:
            return _unpacked(file, to)
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            remedy = "ask for it again, for the connection may have ended too early"
            raise ConfigError("zip", expected="a whole zip", got=str(error), remedy=remedy) from error
        except OSError as error:  # which is none of the service's
            reason = f"{error.strerror or error} at {to}"
            raise ConfigError("to", expected="a folder that can be written", got=reason, remedy="correct it") from error


def _unpacked(file: IO[bytes], to: Path) -> Path:
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        tops = {name.partition("/")[0] for name in names}
        if len(tops) != 1 or any(".." in name or name.startswith("/") or "\\" in name for name in names):
            raise ConfigError("zip", expected="one folder", got=", ".join(names)[:100], remedy="trust no such server")
        to.mkdir(parents=True, exist_ok=True)
        archive.extractall(to)
    return to / tops.pop()
