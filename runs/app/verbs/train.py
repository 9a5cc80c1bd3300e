"""Train the supernet; what it needs first is done first."""

from __future__ import annotations

from runs.pipeline import stages
from runs.pipeline.workspace import Workspace

__all__ = ["VERB"]


def train(workspace: Workspace) -> None:
    """Train the supernet."""
    stages.train(workspace)


VERB = train
