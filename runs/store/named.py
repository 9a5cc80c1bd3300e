"""The run that a user names."""

from __future__ import annotations

import os
from pathlib import Path

from runs.store.records import Run
from runs.store.repository import Store
from search_space.errors import ConfigError

__all__ = ["run_named", "short_name"]


def run_named(store: Store, name: str, *, task: str, outputs: Path, parameter: str) -> Run:
    """Return the run of a name within a task, or of a run folder; raises ``ConfigError`` for none of the task."""
    runs = {run.folder: run for run in store.runs()}
    for folder in (f"{task}/{name}", name, os.path.relpath(name, outputs)):
        if folder in runs and runs[folder].task == task:
            return runs[folder]
    known = ", ".join(short_name(run) for run in runs.values() if run.task == task)
    raise ConfigError(
        parameter,
        expected=f"names of runs of the task {task} ({known or 'there is none yet'})",
        got=repr(name),
        remedy="correct the name, or choose the task of these runs",
    )


def short_name(run: Run) -> str:
    """Return the name of a run within its task."""
    return run.folder.removeprefix(f"{run.task}/")
