"""Everything in order: profile, train, search, report, export; what is done already is skipped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runs.app.verb import CHECKPOINT_WORDS, Verb

if TYPE_CHECKING:
    from runs.pipeline.workspace import Workspace

__all__ = ["VERB"]


def run(workspace: Workspace) -> None:
    """Do all of it in order, skipping what is done."""
    from runs.pipeline import stages

    stages.report(workspace)
    stages.export(workspace)


VERB = Verb(help="Do all of it in order, skipping what is done", run=run, words=CHECKPOINT_WORDS)
