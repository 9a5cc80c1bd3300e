"""Questions about documents, to a process that knows all blocks: the server imports no torch, so it cannot tell."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from typing import IO, Any

from runs.service.server.refusals import Refused

__all__ = ["Checker"]

_MODULE = "runs.app.jobs.checking"
_LIMIT_S = 60.0  # of one answer, the start of the process included
_MOST_WAITING = 8
_MOST_KNOWN = 256


class Checker:
    """A process that answers one question at a time; it is started by the first one, and again when it has ended."""

    def __init__(self) -> None:
        self._lock, self._places = threading.Lock(), threading.BoundedSemaphore(_MOST_WAITING)
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = threading.Event()
        self._known: OrderedDict[str, dict[str, Any]] = OrderedDict()

    def ask(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer of ``runs.app.jobs.checking``; what is ``checked`` is remembered.

        Raises
        ------
        Refused
            It refuses, too many ask already, or there is no answer in time.
        """
        line = json.dumps(dict(asked), sort_keys=True)
        if not self._places.acquire(blocking=False):
            raise _busy(f"{_MOST_WAITING} that wait already")
        try:
            with self._lock:
                if line not in self._known:
                    answer = self._answer(line)
                    if "refused" in answer:
                        parts = answer["refused"]
                        raise Refused(
                            422,
                            parts["parameter"],
                            expected=parts["expected"],
                            got=parts["got"],
                            remedy=parts["remedy"],
                        )
                    if "checked" not in answer:
                        return answer
                    self._known[line] = answer
                    if len(self._known) > _MOST_KNOWN:
                        self._known.popitem(last=False)
                self._known.move_to_end(line)
                return self._known[line]
        finally:
            self._places.release()

    def close(self) -> None:
        """End the process; whoever waits for its answer gets none."""
        self._closed.set()
        process = self._process
        if process is not None:
            process.kill()
        with self._lock:
            self._end()

    def _answer(self, line: str) -> dict[str, Any]:
        data = line.encode() + b"\n"
        end = time.monotonic() + _LIMIT_S
        for _ in range(2):  # it may have ended since the last question, for nobody had asked
            if self._closed.is_set():
                raise _busy("a server that ends")
            if self._process is None:
                command = [sys.executable, "-m", _MODULE]
                pipe = subprocess.PIPE
                self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, start_new_session=True)
                if self._closed.is_set():  # in the meantime
                    continue
            given, taken = self._process.stdin, self._process.stdout
            assert given is not None and taken is not None
            try:
                given.write(data)
                given.flush()
                answer: dict[str, Any] = json.loads(_line_of(taken, end))
                return answer
            except (BrokenPipeError, EOFError):
                self._end()
            except TimeoutError as error:
                self._end()
                raise _busy(f"none in {_LIMIT_S:g} s") from error
        raise RuntimeError(f"{_MODULE} ends without an answer")

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()


def _line_of(stream: IO[bytes], end: float) -> bytes:
    """Return the next line of a pipe on which nothing else waits; raises ``EOFError`` or ``TimeoutError``."""
    parts: list[bytes] = []
    while not parts or not parts[-1].endswith(b"\n"):
        if not select.select([stream], [], [], max(0.0, end - time.monotonic()))[0]:
            raise TimeoutError
        parts.append(os.read(stream.fileno(), 2**16))
        if not parts[-1]:
            raise EOFError
    return b"".join(parts)


def _busy(got: str) -> Refused:
    return Refused(503, "check", expected="an answer of the process that checks", got=got, remedy="ask again later")
