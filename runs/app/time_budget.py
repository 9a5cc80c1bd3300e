"""A time budget for a whole run, divided among its parts, and what a run is expected to take.

The parts keep to budgets of their own, which count what interrupted commands spent: so a run that is resumed has no
more time than one that is not.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hardware_profiles.duration import duration_text, seconds
from search_space.errors import ConfigError

if TYPE_CHECKING:
    from runs.pipeline.config import Config
    from runs.pipeline.context import Context
    from runs.pipeline.plan import Plan

__all__ = ["divided", "expected", "say_expected"]

_PROFILE_SHARE = 0.25
_REST_S = 30.0  # start, simple models, measured finalists, report, export: 17 s with AVX-512 VNNI, 45 s with AVX2 alone
_LEAST_S = 120.0


def divided(config: Config) -> Config:
    """Return a configuration in which the parts keep within ``time_budget``, where there is one.

    A profile has the task's own time or a quarter, whichever is less; the search and the networks to compare with have
    what the profile, the start, the report and the export leave; a checkpoint's own training takes its time from theirs
    when it is known (``Config.search_seconds``).

    Raises
    ------
    ConfigError
        For a budget that leaves no time to search, or a way of searching that has no time budget.
    """
    if config.time_budget is None:
        return config
    total = seconds(config.time_budget, parameter="time_budget")
    if config.search.method != "fidelities":
        raise ConfigError(
            "time_budget",
            expected="search=fidelities, whose parts have times",
            got=f"search.method={config.search.method}",
            remedy="leave it out, or leave the default search",
        )
    if total < _LEAST_S:
        raise ConfigError(
            "time_budget",
            expected=f"{_LEAST_S:g}s or more: a start, a report and an export take half a minute",
            got=repr(config.time_budget),
            remedy="give more time, or shorten the parts: profile.time_budget, search.fidelities.time_budget",
        )
    own = config.profile.time_budget_s
    profile = _PROFILE_SHARE * total if own is None else min(own, _PROFILE_SHARE * total)
    spent = 0.0 if config.profile.path else profile
    fidelities = config.search.fidelities
    search = (total - spent - _REST_S) / fidelities.shares
    return replace(
        config,
        profile=replace(config.profile, time_budget=round(profile, 1)),
        search=replace(config.search, fidelities=replace(fidelities, time_budget=round(search, 1))),
    )


def expected(config: Config, *, teacher: float | None = None) -> str:
    """Return in one line how long the parts of a run take that is begun now, as far as it is known.

    ``teacher`` is how many seconds the checkpoint's own training takes of it, where that is known.
    """
    fidelities, profile = config.search.fidelities, config.profile
    if profile.path is not None:
        parts, known = ["a profile that is there"], 0.0
    elif profile.time_budget_s is None:
        parts, known = ["a whole profile (profile.time_budget limits it)"], 0.0
    else:
        parts, known = [f"profile {duration_text(profile.time_budget_s)}"], profile.time_budget_s
    if config.search.method != "fidelities":
        return ", ".join([*parts, f"{config.training.steps} steps of training", f"{config.search.n_trials} trials"])
    search = config.search_seconds(teacher=teacher or 0.0)
    compared = (fidelities.shares - 1) * search
    taught = config.init.path is not None and fidelities.teacher_steps
    steps = f"{fidelities.teacher_steps} steps of the checkpoint"
    if taught and teacher != 0.0:
        parts.append(steps if teacher is None else f"{steps} {duration_text(teacher)}")
    parts += [
        f"search {duration_text(search)}",
        f"networks to compare with {duration_text(compared)}",
        f"start, report and export {duration_text(_REST_S)}",
    ]
    whole = known + (teacher or 0.0) + search + compared + _REST_S
    limited = profile.path is not None or profile.time_budget_s is not None
    beside = [] if limited else ["the profile"]
    beside += ["the checkpoint's steps"] if taught and teacher is None else []
    return f"{', '.join(parts)}: about {duration_text(whole)}{''.join(f' and {part}' for part in beside)}"


def say_expected(context: Context, plan: Plan) -> None:
    """Say how long a run takes, for which a checkpoint is tried for some steps."""
    from runs.pipeline.stages.trained.checkpoint import CHECKPOINT, seconds_taught

    checkpoint = plan.run(CHECKPOINT) if context.pretrained and context.config.search.method == "fidelities" else None
    teacher = None if checkpoint is None else seconds_taught(context) + checkpoint.seconds
    context.reporter.message(f"a whole run: {expected(context.config, teacher=teacher)}")
