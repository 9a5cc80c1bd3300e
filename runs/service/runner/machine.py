"""What a machine can do, found without importing any runtime, and what it lacks for a job."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

import psutil

from runs.service.document.options import offered
from runs.service.settings import RunnerSettings, parted
from runs.store.service.records import Job

__all__ = ["abilities", "lacking"]

_PACKAGES = {"openvino": "openvino"}  # of runtimes that are not always installed


def abilities(settings: RunnerSettings) -> dict[str, Any]:
    """Return what a runner tells of its machine."""
    accelerators = parted(settings.accelerators)
    runtimes = [name for name in offered()["runtime"] if name not in _PACKAGES or find_spec(_PACKAGES[name])]
    if "cuda" not in accelerators:
        runtimes = [name for name in runtimes if "cuda" not in name]
    return {
        "accelerators": accelerators,
        "runtimes": runtimes,
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "memory_bytes": psutil.virtual_memory().total,
        "slots": settings.slots,
    }


def lacking(job: Job, able: Mapping[str, Any]) -> str | None:
    """Return what a machine's abilities lack for a job, ``None`` where it is nothing."""
    accelerator, runtime = job.needs.get("accelerator", "cpu"), job.needs.get("runtime", "onnxruntime")
    if accelerator not in able["accelerators"]:
        return f"the accelerator {accelerator}"
    return None if runtime in able["runtimes"] else f"the runtime {runtime}"
