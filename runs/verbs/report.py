"""Write the report of the search; what it needs first is done first."""

from __future__ import annotations

from runs import stages
from runs.workspace import Workspace

__all__ = ["VERB"]


def report(workspace: Workspace) -> None:
    """Write the report of the search."""
    stages.report(workspace)


VERB = report
