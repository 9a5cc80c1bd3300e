"""Export the graphs of blocks ahead, in several processes: seconds each, which nothing else has to wait for then.

The processes are started as programs that read recipes and write templates, so they do not depend on how this one was
started, and they end with it. Whatever fails in one is exported here when it is needed, with its error.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import math
import os
import queue
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import IO

import psutil

from hardware_profiles.measuring.reference_network import reference_part
from hardware_profiles.onnx.library import graph_library
from hardware_profiles.onnx.template import NotComposableError, export_template
from search_space import Block, Geometry
from supernet.composing.parts import part_of, parts_of_blocks

__all__ = ["export_ahead"]

_PARTS_A_PROCESS = 8  # a process takes as long as ten exports before it has made its first one
_BYTES_A_PROCESS = 1.5e9
_PROGRAM = ("-m", "supernet.composing.graphs")
_LENGTH = struct.Struct(">q")
_log = logging.getLogger("nasweave.supernet")

Progress = Callable[[int, int, str], None]


def export_ahead(
    blocks: Iterable[Block],
    geometry: Geometry,
    *,
    step: bool = False,
    processes: int | None = None,
    seconds: float = math.inf,
    progress: Progress | None = None,
) -> int:
    """Export what has no graph yet of some blocks, of the networks of them and of the yardstick; returns how many.

    Parameters
    ----------
    blocks, geometry
        What will be prepared; their precisions do not matter.
    step
        Whether for one more token of a decoder, in place of whole examples.
    processes
        At most so many. Default: the cores and the memory that are free for this one.
    seconds
        After so many, what has not begun is left for when it is needed.
    progress
        Called with (exported, total, what happens now).
    """
    library, end = graph_library(), time.monotonic() + seconds
    progress = progress or (lambda done, total, what: None)
    missing = library.missing(
        [reference_part(), *parts_of_blocks(blocks, geometry, step=step)]
    )  # nothing is timed without it
    if not missing:
        return 0
    wanted = min(_room() if processes is None else processes, len(missing) // _PARTS_A_PROCESS)
    progress(0, len(missing), "exporting blocks")
    if wanted <= 1:
        for done, part in enumerate(missing):
            if time.monotonic() >= end:
                return done
            with contextlib.suppress(NotComposableError):  # the library says so
                library.template(part)
            progress(done + 1, len(missing), f"exported {part.name}")
        return len(missing)
    by_recipe, done = {part.recipe: part for part in missing}, 0
    for recipe, content in _in_processes(list(by_recipe), wanted, end=end):
        if content:
            library.add(by_recipe[recipe], content)
        done += 1
        progress(done, len(missing), f"exported {by_recipe[recipe].name}")
    return done


def _room() -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, int(psutil.virtual_memory().available / _BYTES_A_PROCESS)))


def _in_processes(recipes: list[str], count: int, *, end: float) -> Iterator[tuple[str, bytes]]:
    """Yield each recipe with its template as it comes, with nothing where it failed."""
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    for recipe in recipes:
        waiting.put(recipe)
    finished: queue.SimpleQueue[tuple[str, bytes] | None] = queue.SimpleQueue()
    programs = [_start() for _ in range(count)]
    threads = [threading.Thread(target=_feed, args=(p, waiting, finished, end), daemon=True) for p in programs]
    for thread in threads:
        thread.start()
    running = count
    try:
        while running:
            result = finished.get()
            if result is None:
                running -= 1
            else:
                yield result
    finally:
        for program, thread in zip(programs, threads, strict=True):
            program.kill()
            program.wait()
            thread.join()  # its reading ends with the program
            for pipe in (program.stdin, program.stdout):
                with contextlib.suppress(OSError):  # what was to be written has no reader any more
                    if pipe is not None:
                        pipe.close()


def _start() -> subprocess.Popen[bytes]:
    path = os.pathsep.join(entry for entry in sys.path if entry)
    return subprocess.Popen(
        [sys.executable, *_PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
    )


def _feed(
    program: subprocess.Popen[bytes],
    waiting: queue.SimpleQueue[str],
    finished: queue.SimpleQueue[tuple[str, bytes] | None],
    end: float,
) -> None:
    """Give a program one recipe after the other until there are none, or it dies."""
    assert program.stdin is not None and program.stdout is not None
    try:
        while time.monotonic() < end:
            recipe = waiting.get_nowait()
            program.stdin.write(recipe.encode() + b"\n")
            program.stdin.flush()
            finished.put((recipe, _read(program.stdout)))
    except (queue.Empty, OSError, EOFError) as error:
        if not isinstance(error, queue.Empty):
            _log.info("a process that exports graphs has ended: %r", error)
    finally:
        finished.put(None)


def _read(source: IO[bytes]) -> bytes:
    head = source.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError("no answer")
    (length,) = _LENGTH.unpack(head)
    content = source.read(length)
    if len(content) < length:
        raise EOFError("half an answer")
    return content


def _serve(source: IO[bytes], target: IO[bytes]) -> None:
    """Answer every recipe with its template, or with nothing."""
    gc.set_threshold(100_000, 20, 100)  # exports make millions of objects, of which few are garbage
    reference = reference_part()
    for line in source:
        recipe = line.decode().rstrip("\n")
        try:
            part = reference if recipe == reference.recipe else part_of(recipe)
            content = export_template(part).to_bytes()
        except Exception:  # whatever it is, the one who asked meets it again and says so
            content = b""
        target.write(_LENGTH.pack(len(content)) + content)
        target.flush()


if __name__ == "__main__":
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is no answer
    _serve(sys.stdin.buffer, answers)
