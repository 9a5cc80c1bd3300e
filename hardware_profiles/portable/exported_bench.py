"""Check and time the models of an exported folder: ``python bench.py`` in it, on any machine.

Every export carries this program as ``bench.py``, in one file with the modules that it imports. It needs Python 3.11,
numpy and the runtime of a model. Files are compared with the hashes of ``manifest.json`` first; then each model runs in
a fresh process, so that peak memory is that of one model alone. A model whose runtime is missing is named and left out.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import importlib.util
import json
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from hardware_profiles.portable.exported_folder import (
    EXAMPLE,
    MANIFEST,
    SCRIPT,
    FolderError,
    Opener,
    check_files,
    fresh_command,
    read_manifest,
)
from search_space.errors import reason_of

__all__ = ["main"]

_HERE = Path(__file__).resolve().parent
_FEWEST_RUNS = 30
_PATIENCE = 10.0  # times the wanted seconds, after which too few runs have to do
_WARM_UP = 0.2  # of the wanted seconds
_TIMEOUT_S = 600.0
Predict = Callable[[Any], Any]


def main(arguments: Sequence[str], openers: Mapping[str, Opener]) -> int:
    """Check a folder, time its models, print; returns the exit code.

    Parameters
    ----------
    arguments
        Of the command line.
    openers
        How the models of each runtime are opened.
    """
    parser = argparse.ArgumentParser(prog=SCRIPT, description="Check and time the models of this exported folder.")
    parser.add_argument("--folder", type=Path, default=_HERE, help="an exported folder; that of this file by default")
    parser.add_argument("--model", action="append", metavar="FILE", help="one model; all that can run here by default")
    parser.add_argument("--threads", type=int, default=1, help="threads of one run (1)")
    parser.add_argument("--batch", default="1,16", help="batch sizes, from small to large (1,16)")
    parser.add_argument("--seconds", type=float, default=2.0, help="how long each batch size is timed (2)")
    parser.add_argument("--json", action="store_true", help="print JSON in place of a table")
    parser.add_argument("--hold", action="store_true", help="say when a model is open, and wait for a line to time it")
    options = parser.parse_args(arguments)
    try:
        report = _bench(options.folder, options, openers)
    except FolderError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 130
    sys.stdout.write((json.dumps(report, indent=1) if options.json else _table(report)) + "\n")
    return 0


def _bench(folder: Path, options: argparse.Namespace, openers: Mapping[str, Opener]) -> dict[str, Any]:
    batches = [int(size) for size in options.batch.split(",") if size.strip().isdecimal() and int(size) > 0]
    if len(batches) != len(options.batch.split(",")) or options.threads < 1 or not 0 < options.seconds < float("inf"):
        raise FolderError(
            "--batch, --threads, --seconds",
            expected="positive numbers, such as --batch 1,16 --threads 1 --seconds 2",
            got=f"{options.batch}, {options.threads}, {options.seconds}",
            remedy="correct them",
        )
    manifest = read_manifest(folder, openers)
    check_files(folder, manifest)
    models = manifest["models"]
    names = options.model or list(models)
    for name in names:
        if name not in models:
            raise FolderError(
                "--model", expected=f"one of {', '.join(models)}", got=name, remedy=f"name a model of {MANIFEST}"
            )
    if options.hold and len(names) != 1:
        raise FolderError("--hold", expected="one model", got=f"{len(names)} of them", remedy="name it with --model")
    rows, missing = [], []
    for name in names:
        runtime = models[name]["runtime"]
        opener = openers.get(runtime)
        if opener is None or importlib.util.find_spec(opener.package) is None:
            needs = f"the nasweave that wrote it, with its {runtime} runtime" if opener is None else opener.needs
            missing.append({"model": name, "runtime": runtime, "needs": needs})
        elif len(names) == 1:
            rows.append(_timed_model(folder, name, manifest, opener, batches, options))
        else:
            rows.append(_in_fresh_process(folder, name, options))
    if not rows:
        raise FolderError(
            "runtime",
            expected=f"one of {', '.join(sorted({m['runtime'] for m in missing}))} on this machine",
            got="none",
            remedy=missing[0]["needs"] if missing else "export a format with a model",
        )
    machine = {"python": platform.python_version(), "system": platform.system(), "machine": platform.machine()}
    return {"name": manifest["name"], **machine, "numpy": np.__version__, "models": rows, "left_out": missing}


def _in_fresh_process(folder: Path, name: str, options: argparse.Namespace) -> dict[str, Any]:
    told = ["--folder", str(folder), "--model", name]
    told += ["--threads", str(options.threads), "--batch", options.batch, "--seconds", str(options.seconds), "--json"]
    command = fresh_command(Path(__file__).resolve(), told, path=sys.path)
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        raise _unfit(name, f"none after {_TIMEOUT_S:g} s") from error
    if run.returncode:
        reason = next((line for line in reversed(run.stderr.splitlines()) if line.strip()), f"exit {run.returncode}")
        raise _unfit(name, reason.partition(" got ")[2].rpartition("; ")[0] or reason)
    return json.loads(run.stdout)["models"][0]  # type: ignore[no-any-return]


def _unfit(name: str, reason: str) -> FolderError:
    return FolderError(
        name, expected="a model that runs", got=reason[:300], remedy="see python bench.py --model " + name
    )


def _timed_model(folder: Path, name: str, *rest: Any) -> dict[str, Any]:
    try:
        return _time_model(folder, name, *rest)
    except FolderError:
        raise
    except Exception as error:  # of numpy, of a runtime, or of the model in it: they have no class in common
        raise _unfit(name, reason_of(error)) from error


def _time_model(
    folder: Path,
    name: str,
    manifest: Mapping[str, Any],
    opener: Opener,
    batches: Sequence[int],
    options: argparse.Namespace,
) -> dict[str, Any]:
    entry, files = manifest["models"][name], manifest["files"]
    runtime = entry["runtime"]
    example = np.load(folder / EXAMPLE)
    importlib.import_module(opener.package)
    before = _memory("VmRSS")
    started = time.perf_counter()
    predict = opener.open_model(str(folder / name), entry["settings"], options.threads)
    loaded = time.perf_counter()
    if options.hold:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()
    timed = [_timed(predict, np.concatenate([example[:1]] * size), options.seconds) for size in batches]
    return {
        "model": name,
        "runtime": runtime,
        "runtime_version": _installed(runtime, opener.package),
        "threads": options.threads,
        "file_bytes": sum(files[part]["bytes"] for part in entry["files"]),
        "load_ms": (loaded - started) * 1e3,
        "runtime_memory_bytes": before,
        "peak_memory_bytes": _memory("VmHWM"),
        "batches": timed,
    }


def _installed(*names: str) -> str:
    """Return the version of the first distribution that there is."""
    for name in names:
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return "unknown"


def _timed(predict: Predict, batch: Any, seconds: float) -> dict[str, Any]:
    """Return percentiles of single runs, and examples a second over all of them."""
    started = time.perf_counter()
    predict(batch)
    while time.perf_counter() - started < _WARM_UP * seconds:
        predict(batch)
    samples: list[float] = []
    gc.collect()
    gc.disable()
    try:
        started = after = time.perf_counter()
        while after - started < (seconds if len(samples) >= _FEWEST_RUNS else _PATIENCE * seconds):
            before = time.perf_counter()
            predict(batch)
            after = time.perf_counter()
            samples.append(after - before)
    finally:
        gc.enable()
    p50, p90, p99 = (float(value) * 1e3 for value in np.percentile(samples, [50, 90, 99]))
    throughput = len(batch) * len(samples) / sum(samples)
    return {
        "batch": len(batch),
        "runs": len(samples),
        "p50_ms": p50,
        "p90_ms": p90,
        "p99_ms": p99,
        "examples_per_s": throughput,
    }


def _memory(name: str) -> int | None:
    """Return ``VmRSS`` or ``VmHWM`` of this process in bytes; of the peak there is a stand-in where ``/proc`` lacks."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        if name != "VmHWM" or platform.system() != "Darwin":
            return None
        return int(importlib.import_module("resource").getrusage(0).ru_maxrss)  # RUSAGE_SELF; bytes on macOS
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")), None)


def _table(report: Mapping[str, Any]) -> str:
    lines = [f"{'model':20} {'runtime':22} {'batch':>5} {'p50 ms':>9} {'p90 ms':>9} {'p99 ms':>9} {'examples/s':>11}"]
    for row in report["models"]:
        for b in row["batches"]:
            times = " ".join(f"{b[name]:9.4g}" for name in ("p50_ms", "p90_ms", "p99_ms"))
            runtime = f"{row['runtime']} {row['runtime_version']}"
            lines.append(f"{row['model']:20} {runtime:22} {b['batch']:5} {times} {b['examples_per_s']:11.4g}")
        peak = row["peak_memory_bytes"]
        memory = "not measurable here" if peak is None else f"{peak / 2**20:.1f} MiB"
        lines.append(f"  {row['file_bytes']} bytes, peak memory of the process {memory}, {row['threads']} thread(s)")
    lines += [f"left out: {row['model']}, {row['needs']}" for row in report["left_out"]]
    return "\n".join(lines)
