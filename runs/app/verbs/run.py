"""Everything in order: profile, train, search, report, export; what is done already is skipped."""

from __future__ import annotations

from runs.pipeline import stages
from runs.pipeline.workspace import Workspace

__all__ = ["VERB"]


def run(workspace: Workspace) -> None:
    """Do all of it in order, skipping what is done."""
    stages.report(workspace)
    stages.export(workspace)


VERB = run
