"""Measure the blocks of the space on this machine; what it needs first is done first."""

from __future__ import annotations

from runs import stages
from runs.workspace import Workspace

__all__ = ["VERB"]


def profile(workspace: Workspace) -> None:
    """Measure the blocks of the space on this machine."""
    stages.profile(workspace)


VERB = profile
