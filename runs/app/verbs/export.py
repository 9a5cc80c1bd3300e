"""Write the chosen network in every format; what it needs first is done first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runs.app.verb import CHECKPOINT_WORDS, Verb

if TYPE_CHECKING:
    from runs.app.invocation import Invocation

__all__ = ["VERB"]


def run(invocation: Invocation) -> None:
    """Write the chosen network in every format."""
    from runs.pipeline.plans import plan_of
    from runs.pipeline.stages.export import EXPORT

    plan_of(invocation.open()).run(EXPORT)


VERB = Verb(help="Write the chosen network in every format", run=run, words=CHECKPOINT_WORDS)
