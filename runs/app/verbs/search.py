"""Search the space; what it needs first is done first."""

from __future__ import annotations

from runs.pipeline import stages
from runs.pipeline.workspace import Workspace

__all__ = ["VERB"]


def search(workspace: Workspace) -> None:
    """Search the space."""
    stages.search(workspace)


VERB = search
