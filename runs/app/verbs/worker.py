"""Take part in a search that other processes share: this command on as many machines as there are."""

from __future__ import annotations

import signal
from types import FrameType

from runs.pipeline import stages
from runs.pipeline.stages.leave_profile import leave_profile
from runs.pipeline.workspace import Workspace

__all__ = ["VERB"]


def worker(workspace: Workspace) -> None:
    """Take part in a search, as one of many processes, or profile this machine for it."""
    before = signal.signal(signal.SIGTERM, _leave)
    try:
        if workspace.config.workers.role == "profile":
            leave_profile(workspace)
        else:
            stages.work(workspace)
    finally:
        signal.signal(signal.SIGTERM, before)


def _leave(number: int, frame: FrameType | None) -> None:
    """Leave as on Ctrl-C, so that others take over at once: schedulers end a job with this signal."""
    raise KeyboardInterrupt


VERB = worker
