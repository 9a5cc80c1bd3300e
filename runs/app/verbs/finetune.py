"""Finetune the chosen network; what it needs first is done first."""

from __future__ import annotations

from runs.pipeline import stages
from runs.pipeline.workspace import Workspace

__all__ = ["VERB"]


def finetune(workspace: Workspace) -> None:
    """Train the chosen network a little further, for export to take."""
    stages.finetune(workspace)


VERB = finetune
