"""What the models of an exported folder cost in processes of their own: latency, throughput, memory.

The program is our own copy of the folder's ``bench.py``: a folder from elsewhere is data, its programs are not run.
Processes that are timed one after the other get ready side by side, for their imports take longer than their models.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hardware_profiles.portable.exported_folder import SCRIPT, fresh_command
from runs.export import generate
from runs.export.formats import Served
from runs.export.program import program

__all__ = ["decode_fresh", "measure_fresh", "run_bench"]

_TIMEOUT_S = 900.0
_SIDE_BY_SIDE = 4  # get ready: their imports are half waiting for files
_log = logging.getLogger("nasweave.runs")


def run_bench(folder: Path, arguments: Sequence[str], *, path: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run ``bench.py`` on a folder, in a process that can import ``path`` and the standard library alone."""
    with _program() as script:
        command = fresh_command(script, ["--folder", str(folder.resolve()), *arguments], path=path)
        return subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)


def measure_fresh(folder: Path, models: Sequence[Served], *, threads: int, seconds: float) -> list[dict[str, Any]]:
    """Return for each model runtime, threads, median and 90th percentile of the latency of one example, bytes, memory.

    A process that fails is logged, and its numbers are missing: the export itself does not depend on them.
    """
    found, size = [], max(_SIDE_BY_SIDE, os.cpu_count() or 1)
    with _program() as script:
        for first in range(0, len(models), size):
            some = models[first : first + size]
            with contextlib.ExitStack() as stack:
                waiting = []
                for model in some:
                    process = _Waiting(script, folder, model.file, threads=threads, seconds=seconds)
                    stack.callback(process.end)
                    waiting.append(process)
                for process in waiting:
                    process.await_ready()
                found += [_figures(m, process, threads=threads) for m, process in zip(some, waiting, strict=True)]
    return found


def decode_fresh(model: Path, *, threads: int, seconds: float) -> dict[str, Any]:
    """Return what a token costs of a ``decode.onnx``, in a process of its own, as :func:`generate.measure` says it.

    A process that fails is logged, and its numbers are missing.
    """
    told = ["--model", str(model.resolve()), "--threads", str(threads), "--measure", str(seconds)]
    command = fresh_command(Path(generate.__file__), told, path=sys.path)
    found: dict[str, Any] = {"runtime": "onnxruntime", "threads": threads}
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=True)
        found |= json.loads(run.stdout)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        _log.warning("%s cannot be timed in a process of its own: %s", model.name, error)
    return found


class _Waiting:
    """A process that has opened a model and waits for the word to time it."""

    def __init__(self, script: Path, folder: Path, file: str, *, threads: int, seconds: float) -> None:
        told = ["--folder", str(folder.resolve()), "--model", file, "--batch", "1", "--hold"]
        told += ["--threads", str(threads), "--seconds", str(seconds), "--json"]
        self._process: subprocess.Popen[str] | None = None
        try:
            self._process = subprocess.Popen(
                fresh_command(script, told, path=sys.path),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        except OSError as error:  # no process can be started
            self._reason = str(error)
            return
        self._too_long = threading.Timer(_TIMEOUT_S, self._process.kill)
        self._too_long.daemon = True
        self._too_long.start()

    def await_ready(self) -> None:
        """Wait until the model is open, or the process has ended without it."""
        if self._process is not None:
            assert self._process.stdout is not None
            self._process.stdout.readline()

    def timed(self) -> subprocess.CompletedProcess[str]:
        """Let it time its model, and return what it says."""
        if self._process is None:
            return subprocess.CompletedProcess([], 1, "", self._reason)
        out, err = self._process.communicate("go\n")
        return subprocess.CompletedProcess(self._process.args, self._process.returncode, out, err)

    def end(self) -> None:
        """End it, wherever it is."""
        if self._process is not None:
            self._too_long.cancel()
            with self._process:  # closes its pipes and waits for it
                self._process.kill()


def _figures(model: Served, process: _Waiting, *, threads: int) -> dict[str, Any]:
    run = process.timed()
    try:
        row = json.loads(run.stdout)["models"][0] if run.returncode == 0 else None
        reason = (run.stderr.strip().splitlines() or [f"exit {run.returncode}"])[-1]
    except (ValueError, LookupError) as error:
        row, reason = None, str(error)
    if row is None:
        _log.warning("%s cannot be timed in a process of its own (needs %s): %s", model.file, model.runtime, reason)
        return {"runtime": model.runtime, "threads": threads}
    (timed,) = row["batches"]
    return {
        "runtime": model.runtime,
        "runtime_version": row["runtime_version"],
        "threads": threads,
        "latency_ms": timed["p50_ms"],
        "latency_p90_ms": timed["p90_ms"],
        "peak_memory_bytes": row["peak_memory_bytes"],
        "runtime_memory_bytes": row["runtime_memory_bytes"],
    }


@contextlib.contextmanager
def _program() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="nasweave-bench-") as place:
        script = Path(place) / SCRIPT
        script.write_text(program(), encoding="utf-8")
        yield script
