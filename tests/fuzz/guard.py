"""What an input did to its process: how it was answered, seconds, memory, and what it wrote or started elsewhere."""

from __future__ import annotations

import faulthandler
import os
import resource
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from search_space.errors import NasweaveError

__all__ = ["Guard", "Outcome", "answer", "clear"]

_CHANGES = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.symlink", "os.link", "os.truncate", "os.chmod")
_STARTS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty", "socket.connect")
_CODE = ("pickle.find_class",)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How one input was answered.

    Attributes
    ----------
    answer : str
        ``"read"``, ``"refused"``, or what is wrong.
    seconds : float
    memory_bytes : int
        The most that the process has held so far.
    outside : tuple of str
        What was written outside of the input's own folder, started or unpickled.
    """

    answer: str
    seconds: float
    memory_bytes: int
    outside: tuple[str, ...] = ()


def clear(error: NasweaveError) -> bool:
    """Whether an error is one line that can be printed and says what was expected, what came and what to do."""
    line = str(error)
    return line.isprintable() and len(line) < 3000 and bool(error.expected and error.got and error.remedy)


def answer(read: Callable[[], object]) -> str:
    """Call a reader and return how it answered."""
    try:
        read()
    except NasweaveError as error:
        return "refused" if clear(error) else f"no clear line: {str(error)[:300]!r}"
    except Exception as error:  # a traceback to a user
        at = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__} at {Path(at.filename).name}:{at.lineno}: {' '.join(str(error).split())[:200]!r}"
    return "read"


class Guard:
    """Watches what this process does; its limits and its hook stay until the process ends.

    Parameters
    ----------
    folder : Path
        Where inputs may write.
    seconds : float
        An input that takes longer ends the process.
    memory_bytes : int or None
        How much more than now the process may take; without a limit where ``None``.
    """

    def __init__(self, folder: Path, *, seconds: float, memory_bytes: int | None) -> None:
        self._folder = f"{os.path.realpath(folder)}{os.sep}"
        self._seconds = seconds
        self._seen: list[str] | None = None
        if memory_bytes is not None:
            most = psutil.Process().memory_info().vms + memory_bytes
            resource.setrlimit(resource.RLIMIT_AS, (most, resource.getrlimit(resource.RLIMIT_AS)[1]))
        sys.addaudithook(self._hear)

    def outcome(self, read: Callable[[], object]) -> Outcome:
        """Call a reader under watch."""
        with self._watching() as seen:
            begin = time.monotonic()
            said = answer(read)
            seconds = time.monotonic() - begin
        return Outcome(answer=said, seconds=seconds, memory_bytes=_most_memory(), outside=tuple(seen))

    @contextmanager
    def _watching(self) -> Iterator[list[str]]:
        faulthandler.dump_traceback_later(self._seconds, exit=True)
        self._seen = seen = []
        try:
            yield seen
        finally:
            self._seen = None
            faulthandler.cancel_dump_traceback_later()

    def _hear(self, event: str, arguments: tuple[object, ...]) -> None:
        if self._seen is None:
            return
        if event in _STARTS or event in _CODE:
            self._seen.append(f"{event} {arguments[0]!r}")
        elif (event == "open" and _writes(arguments)) or event in _CHANGES:
            paths = [one for one in arguments[:2] if isinstance(one, str | bytes)][: 1 if event == "open" else 2]
            for path in map(os.fsdecode, paths):
                place = os.path.join(os.path.realpath(os.path.dirname(path) or "."), os.path.basename(path))
                if not place.startswith(self._folder) and place != os.devnull:
                    self._seen.append(f"{event} {path!r}")


def _writes(arguments: tuple[object, ...]) -> bool:
    mode, flags = arguments[1], arguments[2]
    if isinstance(mode, str) and set(mode) & set("wax+"):
        return True
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC))


def _most_memory() -> int:
    """Return the most bytes that this process has held in memory."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
