"""The training curve: ``training.jsonl``, one line a step, of which a checkpoint's step says how much is valid.

It is drawn and decides nothing: what is damaged in it is told and left out, and the training goes on.
"""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from types import TracebackType

from search_space.schema import MalformedError, integer, number, parse_json, read_file
from supernet.training.checkpoint import writing

__all__ = ["Curve", "read_curve"]

_MOST_BYTES = 2**30
_log = logging.getLogger("nasweave.supernet")


def read_curve(path: Path) -> tuple[tuple[int, float], ...]:
    """Return step and loss of the lines that are whole; none where the file is missing or damaged from its start."""
    return tuple((step, loss) for step, loss, _ in _whole_lines(path))


def _whole_lines(path: Path) -> list[tuple[int, float, bytes]]:
    """Return step, loss and bytes of the lines up to the first that is damaged or comes out of turn."""
    try:
        lines = read_file(path, most_bytes=_MOST_BYTES).splitlines(keepends=True)
    except (OSError, MalformedError):
        return []
    found: list[tuple[int, float, bytes]] = []
    for line in lines:
        try:
            entry = parse_json(line)
            step = integer(found[-1][0] + 1 if found else 1, 2**62)(entry["step"])
            loss = number()(entry["loss"])
        except (MalformedError, KeyError, TypeError):
            break
        if not line.endswith(b"\n"):
            break
        found.append((step, loss, line))
    return found


class Curve:
    """Appends steps to a file; a line holds no time, so that equal trainings write equal bytes.

    Parameters
    ----------
    path
        The file; its lines of steps beyond ``step`` are cut off, for those steps will be repeated.
    step
        Steps done already. Where the file lacks some of them, or is damaged, a warning says so.

    Raises
    ------
    CheckpointError
        Where the file cannot be written.
    """

    def __init__(self, path: Path, *, step: int) -> None:
        kept = [line for done, _, line in _whole_lines(path) if done <= step] if step else []
        if len(kept) < step:
            _log.warning("%s holds %d of the %d steps done: the curve will have a gap", path, len(kept), step)
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
