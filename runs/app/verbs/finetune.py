"""Finetune the chosen network; what it needs first is done first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runs.app.verb import CHECKPOINT_WORDS, Verb

if TYPE_CHECKING:
    from runs.pipeline.workspace import Workspace

__all__ = ["VERB"]


def run(workspace: Workspace) -> None:
    """Train the chosen network a little further, for export to take."""
    from runs.pipeline import stages

    stages.finetune(workspace)


VERB = Verb(help="Train the chosen network a little further, for export to take", run=run, words=CHECKPOINT_WORDS)
