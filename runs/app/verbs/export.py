"""Write the chosen network in every format; what it needs first is done first."""

from __future__ import annotations

from runs.pipeline import stages
from runs.pipeline.workspace import Workspace

__all__ = ["VERB"]


def export(workspace: Workspace) -> None:
    """Write the chosen network in every format."""
    stages.export(workspace)


VERB = export
