"""The training curve: ``training.jsonl``, one line a step, of which a checkpoint's step says how much is valid."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import TracebackType

from search_space.errors import CheckpointError
from supernet.training.checkpoint import writing

__all__ = ["Curve"]


class Curve:
    """Appends steps to a file; a line holds no time, so that equal trainings write equal bytes.

    Parameters
    ----------
    path
        The file; what it holds beyond ``step`` lines is cut off, for those steps will be repeated.
    step
        Steps done already.

    Raises
    ------
    CheckpointError
        Where the file holds fewer than ``step`` lines or cannot be written.
    """

    def __init__(self, path: Path, *, step: int) -> None:
        lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
        kept = lines[:step]
        if len(kept) < step or any(not line.endswith(b"\n") for line in kept):
            raise CheckpointError(
                str(path),
                expected=f"the {step} steps that the checkpoint has done",
                got=f"{len(kept)} lines",
                remedy="restore the file, or remove the folder to train again",
            )
        self._path = path
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab")
            self._file.truncate(sum(map(len, kept)))

    def append(self, **values: float | int | None) -> None:
        """Write one line."""
        with writing(self._path):
            self._file.write(json.dumps(values).encode() + b"\n")

    def flush(self) -> None:
        """Bring all lines to the disk."""
        with writing(self._path):
            self._file.flush()
            os.fsync(self._file.fileno())

    def __enter__(self) -> Curve:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with writing(self._path):
            self._file.close()
