"""Write the chosen network in every format; what it needs first is done first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runs.app.verb import CHECKPOINT_WORDS, Verb

if TYPE_CHECKING:
    from runs.pipeline.workspace import Workspace

__all__ = ["VERB"]


def run(workspace: Workspace) -> None:
    """Write the chosen network in every format."""
    from runs.pipeline import stages

    stages.export(workspace)


VERB = Verb(help="Write the chosen network in every format", run=run, words=CHECKPOINT_WORDS)
