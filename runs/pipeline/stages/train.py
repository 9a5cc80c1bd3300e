"""Train the supernet of a space on a task, or load the one that an earlier run trained the same way."""

from __future__ import annotations

import hashlib
import os
from contextlib import ExitStack
from pathlib import Path

from runs.lock import exclusive
from runs.pipeline.stages.once import once
from runs.pipeline.workspace import Workspace
from runs.progress import show_progress
from supernet import Supernet
from supernet.training import train as train_supernet
from supernet.training.checkpoint import FILE

__all__ = ["checkpoint_hash", "supernet_fingerprint", "supernet_folder", "train"]


def supernet_fingerprint(workspace: Workspace) -> str:
    """Twelve hexadecimal digits of everything that decides the trained weights."""
    parts = [workspace.space.fingerprint, workspace.config.training.hash, workspace.data.data_hash]
    if workspace.pretrained is not None:
        parts.append(workspace.pretrained.hash)
    return hashlib.sha256("-".join(parts).encode()).hexdigest()[:12]


def supernet_folder(workspace: Workspace) -> Path:
    """Folder of the supernet's checkpoint and training curve, shared by all runs that train it the same way."""
    return workspace.outputs / workspace.config.task.name / "supernets" / supernet_fingerprint(workspace)


def checkpoint_hash(workspace: Workspace) -> str:
    """Twelve hexadecimal digits of the trained weights as they lie on the disk; call :func:`train` first."""
    with (supernet_folder(workspace) / FILE).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]


@once
def train(workspace: Workspace) -> Supernet:
    """Return the trained supernet; an interrupted training continues at its last checkpoint.

    Under ``torchrun`` the first process alone holds the folder and shows progress.
    """
    folder = supernet_folder(workspace)
    with ExitStack() as stack:
        progress = None
        if int(os.environ.get("RANK", "0")) == 0:
            stack.enter_context(exclusive(folder / ".lock"))
            progress = stack.enter_context(show_progress(workspace.console, "train"))
        return train_supernet(
            workspace.space,
            workspace.data,
            workspace.config.training,
            folder=folder,
            device=str(workspace.accelerator),
            start=None if workspace.pretrained is None else workspace.pretrained.initialise,
            progress=progress,
        )
