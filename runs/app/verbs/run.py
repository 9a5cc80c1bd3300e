"""Everything in order: profile, train, search, report, export; what is done already is skipped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runs.app.verb import CHECKPOINT_WORDS, Verb

if TYPE_CHECKING:
    from runs.app.invocation import Invocation

__all__ = ["VERB"]


def run(invocation: Invocation) -> None:
    """Do all of it in order, skipping what is done."""
    from runs.app.time_budget import say_expected
    from runs.pipeline.plans import plan_of
    from runs.pipeline.stages.export import EXPORT
    from runs.pipeline.stages.report import REPORT

    context = invocation.open()
    plan = plan_of(context)
    say_expected(context, plan)
    plan.run(REPORT)
    plan.run(EXPORT)


VERB = Verb(help="Do all of it in order, skipping what is done", run=run, words=CHECKPOINT_WORDS)
