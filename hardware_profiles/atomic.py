"""Files that are replaced as a whole: whoever reads sees the old bytes or the new ones, also after a crash."""

from __future__ import annotations

import contextlib
import glob
import os
import secrets
import time
from pathlib import Path

__all__ = ["write_atomically"]

_STALE_S = 3600.0


def write_atomically(path: Path, content: bytes) -> None:
    """Write to a temporary name in the same folder, flush to disk, rename over ``path``.

    Temporary files of this ``path`` that a killed process left are removed once they are an hour old.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    # The system takes the user's umask off the mode; nobody else's file or link is ever opened.
    handle = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _sweep(path: Path) -> None:
    # By age, not by process: the folder may be shared with machines whose processes are not to be seen from here.
    oldest = time.time() - _STALE_S
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        with contextlib.suppress(OSError):  # another writer was faster, or it is not ours to remove
            if left.stat().st_mtime < oldest:
                left.unlink()
