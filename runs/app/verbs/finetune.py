"""Finetune the chosen network; what it needs first is done first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runs.app.verb import CHECKPOINT_WORDS, Verb

if TYPE_CHECKING:
    from runs.app.invocation import Invocation

__all__ = ["VERB"]


def run(invocation: Invocation) -> None:
    """Train the chosen network a little further, for export to take."""
    from runs.pipeline.plans import plan_of
    from runs.pipeline.stages.finetune import FINETUNE

    plan_of(invocation.open()).run(FINETUNE)


VERB = Verb(help="Train the chosen network a little further, for export to take", run=run, words=CHECKPOINT_WORDS)
