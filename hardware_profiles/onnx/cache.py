"""Graphs of blocks on disk, shared by all runs and processes of a user.

A file holds one graph under a key that says all that decides it. It is written whole or not at all, carries a checksum,
and anything else that is found in its place is as good as nothing. A folder that cannot be written costs one warning.

The folder is ``NASWEAVE_CACHE``, else ``nasweave`` in ``XDG_CACHE_HOME``, else in ``~/.cache``.
"""

from __future__ import annotations

import hashlib
import logging
import os
from functools import cache
from pathlib import Path

from hardware_profiles.atomic import write_atomically

__all__ = ["VARIABLE", "GraphCache", "cache_folder"]

VARIABLE = "NASWEAVE_CACHE"
_MAGIC = b"nasweave graph 1"
_log = logging.getLogger("nasweave.hardware_profiles")


def cache_folder() -> Path | None:
    """Return where graphs are kept, or ``None`` for a user without a home."""
    given = os.environ.get(VARIABLE)
    if given:
        return Path(given).absolute() / "graphs"
    base = os.environ.get("XDG_CACHE_HOME")
    if base and Path(base).is_absolute():  # the specification has relative ones ignored
        return Path(base) / "nasweave" / "graphs"
    try:
        return Path.home() / ".cache" / "nasweave" / "graphs"
    except RuntimeError:
        return None


class GraphCache:
    """Graphs by key.

    Parameters
    ----------
    folder
        Made when something is written; ``None`` keeps nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def get(self, key: str) -> bytes | None:
        """Return the graph of a key, ``None`` where there is no whole and unchanged file of it."""
        if self.folder is None:
            return None
        try:
            content = self._path(key).read_bytes()
        except OSError:
            return None
        head, _, rest = content.partition(b"\n")
        told, _, body = rest.partition(b"\n")
        return body if head == _head(told + b"\n" + body) and told == key.encode() else None

    def put(self, key: str, graph: bytes) -> None:
        """Keep a graph; a folder that is full or not to be written is said once, and the graph is not kept."""
        if self.folder is None:
            return
        if "\n" in key:
            raise ValueError("the key of a graph is one line")
        content = key.encode() + b"\n" + graph
        try:
            write_atomically(self._path(key), _head(content) + b"\n" + content)
        except OSError as error:
            _warn_once(self.folder, error.strerror or str(error))

    def size(self) -> tuple[int, int]:
        """Return how many graphs there are, and their bytes."""
        sizes = []
        for path in () if self.folder is None else self.folder.glob("*/*.graph"):
            try:
                sizes.append(path.stat().st_size)
            except OSError:
                continue  # it was removed meanwhile
        return len(sizes), sum(sizes)

    def _path(self, key: str) -> Path:
        assert self.folder is not None
        name = hashlib.sha256(key.encode()).hexdigest()[:32]
        return self.folder / name[:2] / f"{name}.graph"


def _head(content: bytes) -> bytes:
    return _MAGIC + b" " + hashlib.sha256(content).hexdigest().encode()


@cache
def _warn_once(folder: Path, reason: str) -> None:
    _log.warning("graphs of blocks are not kept in %s (%s): set %s to a folder of yours", folder, reason, VARIABLE)
