"""The peak memory of a network, measured: what a fresh process grows by when it loads and runs the saved model.

Inside the profiler's own process nothing could be told: its heap has room left from the networks before.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hardware_profiles.runtime import RUNTIMES, Executable, OpenModel

if TYPE_CHECKING:
    from hardware_profiles.example import Arrays

__all__ = ["peak_memory_bytes", "report_growth"]

_TIMEOUT_S = 120.0
_CHILD = """from __future__ import annotations
import sys
from hardware_profiles.measuring.memory import report_growth
{source}
report_growth({name}, sys.argv[1:])
"""


def peak_memory_bytes(
    executable: Executable, example: Arrays, *, runtime: str, threads: int, float_precision: str
) -> float | None:
    """Return the bytes, or ``None`` where they cannot be measured (a system without ``/proc``, another runtime).

    Parameters
    ----------
    executable, example
        The network and a batch to run it on.
    runtime, threads, float_precision
        How it is run.
    """
    of = RUNTIMES[runtime]
    if not of.portable or not Path("/proc/self/clear_refs").exists():
        return None
    with tempfile.TemporaryDirectory() as folder:
        model, batch = Path(folder) / f"model{of.file_suffix}", Path(folder) / "batch.npy"
        executable.save(model)
        assert not isinstance(example, Mapping), "only whole networks are measured so"
        np.save(batch, example)
        program = _CHILD.format(source=of.opener_source(), name=of.opener_name)
        told = json.dumps(dict(of.settings(float_precision)))
        command = [sys.executable, "-c", program, told, str(threads), str(model), str(batch)]
        try:
            run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_TIMEOUT_S)
        except (OSError, subprocess.SubprocessError):
            return None
    return float(run.stdout) or None


def report_growth(open_model: OpenModel, arguments: list[str]) -> None:
    """Write the growth in bytes to standard output: what the fresh process does."""
    settings, threads, model, batch = arguments
    content, example = Path(model).read_bytes(), np.load(batch)
    # A first one pays for what the runtime loads once, whatever the network; kept, or the second would get its room.
    first = open_model(content, json.loads(settings), int(threads))
    first(example)
    Path("/proc/self/clear_refs").write_text("5")
    before = _kilobytes("VmRSS")
    predict = open_model(content, json.loads(settings), int(threads))
    for _ in range(3):
        predict(example)
    sys.stdout.write(str((_kilobytes("VmHWM") - before) * 1024))


def _kilobytes(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
