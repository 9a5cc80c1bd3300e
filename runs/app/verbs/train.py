"""Train the supernet; what it needs first is done first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runs.app.verb import CHECKPOINT_WORDS, Verb

if TYPE_CHECKING:
    from runs.app.invocation import Invocation

__all__ = ["VERB"]


def run(invocation: Invocation) -> None:
    """Train the supernet."""
    from runs.pipeline.plan import Plan
    from runs.pipeline.stages.train import TRAIN

    Plan(invocation.open()).run(TRAIN)


VERB = Verb(help="Train the supernet", run=run, words=CHECKPOINT_WORDS, several_processes=True)
