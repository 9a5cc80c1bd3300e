"""Take part in a search that other processes share: this command on as many machines as there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runs.app.verb import CHECKPOINT_WORDS, Verb, Word

if TYPE_CHECKING:
    from runs.app.invocation import Invocation

__all__ = ["VERB"]


def run(invocation: Invocation) -> None:
    """Take part in a search, as one of many processes, or profile this machine for it."""
    from runs.pipeline.plan import Plan
    from runs.pipeline.plans import plan_of
    from runs.pipeline.stages.leave_profile import LEAVE_PROFILE
    from runs.pipeline.stages.work import WORK

    context = invocation.open()
    if invocation.config.workers.role == "profile":
        Plan(context).run(LEAVE_PROFILE)
    else:
        plan_of(context, worker=True).run(WORK)


VERB = Verb(
    help="Take part in a search, as one of many processes, or profile this machine for it",
    run=run,
    words=(
        Word(name="role", key="workers.role", help="search, or profile to measure this machine for searches elsewhere"),
        Word(name="time_budget", key="profile.time_budget", help="measure for so long, such as 90s, 5m or 1h"),
        *CHECKPOINT_WORDS,
    ),
    joins=True,
    several_processes=True,
)
