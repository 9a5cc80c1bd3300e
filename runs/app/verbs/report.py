"""Write the report of the search, or compare several; what a report needs first is done first."""

from __future__ import annotations

from runs.pipeline import stages
from runs.pipeline.workspace import Workspace

__all__ = ["VERB"]


def report(workspace: Workspace) -> None:
    """Write the report of the search, or with compare=[a,b] of several."""
    if workspace.config.compare:
        stages.compare(workspace)
    else:
        stages.report(workspace)


VERB = report
