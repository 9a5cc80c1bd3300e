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

__all__ = ["divided", "expected"]

_PROFILE_SHARE = 0.25
_REST_S = 30.0  # start, simple models, measured finalists, report, export: 17 s with AVX-512 VNNI, 45 s with AVX2 alone
_COMPARED = 2.0  # times their share do networks to compare with take, for the largest is among them
_LEAST_S = 120.0


def divided(config: Config) -> Config:
    """Return a configuration in which the parts keep within ``time_budget``, where there is one.

    A profile has the task's own time or a quarter, whichever is less; the search and the networks to compare with have
    what the profile, the start, the report and the export leave.

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
    search = (total - spent - _REST_S) / (1 + _COMPARED * fidelities.baselines)
    return replace(
        config,
        profile=replace(config.profile, time_budget=round(profile, 1)),
        search=replace(config.search, fidelities=replace(fidelities, time_budget=round(search, 1))),
    )


def expected(config: Config) -> str:
    """Return in one line how long the parts of a run take that is begun now, as far as it is known."""
    fidelities, profile = config.search.fidelities, config.profile
    if profile.path is not None:
        parts, known = ["a profile that is there"], 0.0
    elif profile.time_budget_s is None:
        parts, known = ["a whole profile (profile.time_budget limits it)"], 0.0
    else:
        parts, known = [f"profile {duration_text(profile.time_budget_s)}"], profile.time_budget_s
    if config.search.method != "fidelities":
        return ", ".join([*parts, f"{config.training.steps} steps of training", f"{config.search.n_trials} trials"])
    compared = _COMPARED * fidelities.baselines * fidelities.seconds
    taught = config.init.path is not None and fidelities.teacher_steps
    parts += [f"{fidelities.teacher_steps} steps of the checkpoint"] if taught else []
    parts += [
        f"search {duration_text(fidelities.seconds)}",
        f"networks to compare with {duration_text(compared)}",
        f"start, report and export {duration_text(_REST_S)}",
    ]
    whole = known + fidelities.seconds + compared + _REST_S
    limited = profile.path is not None or profile.time_budget_s is not None
    beside = [*([] if limited else ["the profile"]), *(["the checkpoint's steps"] if taught else [])]
    return f"{', '.join(parts)}: about {duration_text(whole)}{''.join(f' and {part}' for part in beside)}"
