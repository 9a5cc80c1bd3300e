"""What the models of an exported folder cost in processes of their own: latency, throughput, memory.

The program is our own copy of the folder's ``bench.py``: a folder from elsewhere is data, its programs are not run.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hardware_profiles.portable.exported_folder import SCRIPT, fresh_command
from runs.export.program import program

__all__ = ["measure_fresh", "run_bench"]

_TIMEOUT_S = 900.0
_log = logging.getLogger("nasweave.runs")


def run_bench(folder: Path, arguments: Sequence[str], *, path: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run ``bench.py`` on a folder, in a process that can import ``path`` and the standard library alone."""
    told = ["--folder", str(folder.resolve()), *arguments]
    with tempfile.TemporaryDirectory(prefix="nasweave-bench-") as place:
        script = Path(place) / SCRIPT
        script.write_text(program(), encoding="utf-8")
        command = fresh_command(script, told, path=path)
        return subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)


def measure_fresh(folder: Path, file: str, *, runtime: str, threads: int, seconds: float) -> dict[str, Any]:
    """Return runtime, threads, median and 90th percentile of the latency of one example, bytes and peak memory.

    A process that fails is logged, and its numbers are missing: the export itself does not depend on them.
    """
    told = ["--model", file, "--batch", "1", "--threads", str(threads), "--seconds", str(seconds), "--json"]
    try:
        run = run_bench(folder, told, path=sys.path)
        row = json.loads(run.stdout)["models"][0] if run.returncode == 0 else None
        reason = (run.stderr.strip().splitlines() or [f"exit {run.returncode}"])[-1]
    except (OSError, subprocess.SubprocessError, ValueError, LookupError) as error:
        row, reason = None, str(error)
    if row is None:
        _log.warning("%s cannot be timed in a process of its own (needs %s): %s", file, runtime, reason)
        return {"runtime": runtime, "threads": threads}
    (timed,) = row["batches"]
    return {
        "runtime": runtime,
        "runtime_version": row["runtime_version"],
        "threads": threads,
        "latency_ms": timed["p50_ms"],
        "latency_p90_ms": timed["p90_ms"],
        "peak_memory_bytes": row["peak_memory_bytes"],
        "runtime_memory_bytes": row["runtime_memory_bytes"],
    }
