"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hardware_profiles.atomic import write_atomically

__all__ = ["new_folder", "write_text"]


def write_text(path: Path, text: str) -> None:
    """Replace a file as a whole."""
    write_atomically(path, text.encode())


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder that becomes ``path`` when the block ends without an error, replacing what was there.

    One process at a time; what a killed one left is removed first.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(f".{path.name}.*"):
        shutil.rmtree(left)
    temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    try:
        yield temporary
        for file in temporary.iterdir():
            with file.open("rb") as handle:
                os.fsync(handle.fileno())
        temporary.chmod(0o755)
        if path.exists():
            os.replace(path, temporary.with_suffix(".old"))
        os.replace(temporary, path)
        shutil.rmtree(temporary.with_suffix(".old"), ignore_errors=True)
    except BaseException:
        old = temporary.with_suffix(".old")
        if old.exists() and not path.exists():
            os.replace(old, path)
        shutil.rmtree(temporary, ignore_errors=True)
        raise
