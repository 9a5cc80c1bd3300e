"""Take part in a search that other processes share: this command on as many machines as there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runs.app.verb import CHECKPOINT_WORDS, Verb, Word

if TYPE_CHECKING:
    from runs.app.invocation import Invocation

__all__ = ["VERB"]


def run(invocation: Invocation) -> None:
    """Take part in a search, as one of many processes, or profile this machine for it.

    A database that is away while a worker starts is waited for as long as one that goes away later.
    """
    from runs.pipeline.plan import Plan
    from runs.pipeline.plans import plan_of
    from runs.pipeline.stages.leave_profile import LEAVE_PROFILE
    from runs.pipeline.stages.work import WORK
    from runs.search.workers.patience import Patience

    context, patiently = invocation.open(), Patience(invocation.config.workers.patience_s)
    if invocation.config.workers.role == "profile":
        plan = Plan(context)
        patiently(lambda: plan.prepare(LEAVE_PROFILE))
        patiently(lambda: plan.run(LEAVE_PROFILE))
    else:
        plan = patiently(lambda: plan_of(context, worker=True))
        patiently(lambda: plan.prepare(WORK))
        plan.run(WORK)


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
