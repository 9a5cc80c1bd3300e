"""Search the space; what it needs first is done first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runs.app.verb import CHECKPOINT_WORDS, Verb

if TYPE_CHECKING:
    from runs.pipeline.workspace import Workspace

__all__ = ["VERB"]


def run(workspace: Workspace) -> None:
    """Search the space."""
    from runs.pipeline import stages

    stages.search(workspace)


VERB = Verb(help="Search the space", run=run, words=CHECKPOINT_WORDS)
