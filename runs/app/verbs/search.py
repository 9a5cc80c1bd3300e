"""Search the space; what it needs first is done first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runs.app.verb import CHECKPOINT_WORDS, Verb

if TYPE_CHECKING:
    from runs.app.invocation import Invocation

__all__ = ["VERB"]


def run(invocation: Invocation) -> None:
    """Search the space."""
    from runs.pipeline.plans import plan_of
    from runs.pipeline.stages.baselines import BASELINES

    plan_of(invocation.open()).run(BASELINES)


VERB = Verb(help="Search the space", run=run, words=CHECKPOINT_WORDS)
