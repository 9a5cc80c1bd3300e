"""From a document to jobs: what a job needs of a machine, and whether it measures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runs.service.document.model import RunDocument
from runs.store.service.records import WORKER

__all__ = ["job_of", "log_file", "open_log"]


def job_of(document: RunDocument, *, verb: str, arguments: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return a job of a run, as the table takes it.

    Every job that may time anything has its machine for itself; reports and workers of a search do not.
    """
    needs = {"accelerator": document.accelerator, "runtime": document.device.runtime, "dataset": document.dataset}
    return {
        "verb": verb,
        "arguments": dict(arguments or {}),
        "needs": needs,
        "is_exclusive": verb not in ("report", WORKER),
    }


def log_file(outputs: Path, key: str) -> Path:
    """Return the file to which the jobs of a run write what they say."""
    return outputs / "service" / f"{key}.log"


def open_log(outputs: Path, key: str) -> Path:
    """Make the log of a run unless it is there, and return it: a runner that does not see it has another folder."""
    path = log_file(outputs, key)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path
