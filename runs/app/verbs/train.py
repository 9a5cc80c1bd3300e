"""Train the supernet; what it needs first is done first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runs.app.verb import CHECKPOINT_WORDS, Verb

if TYPE_CHECKING:
    from runs.pipeline.workspace import Workspace

__all__ = ["VERB"]


def run(workspace: Workspace) -> None:
    """Train the supernet."""
    from runs.pipeline import stages

    stages.train(workspace)


VERB = Verb(help="Train the supernet", run=run, words=CHECKPOINT_WORDS, several_processes=True)
