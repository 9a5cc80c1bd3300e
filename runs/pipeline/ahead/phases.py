"""Refuse to search for how a network decodes where none of the task does."""

from __future__ import annotations

from collections.abc import Iterable

from runs.objectives import objective_named
from search_space import TaskShape
from search_space.errors import ConfigError

__all__ = ["check_phases"]


def check_phases(objectives: Iterable[str], limits: Iterable[str], task: TaskShape) -> None:
    """Raise ``ConfigError`` for an objective or a limit that only causal networks have, where the task's are not.

    Parameters
    ----------
    objectives, limits
        Names of what the search optimises, and of what the budget limits.
    task
        What networks read and write.
    """
    if task.causal:
        return
    for key, name in (*(("search.objectives", n) for n in objectives), *((f"budget.{n}", n) for n in limits)):
        if objective_named(name).decodes:
            raise ConfigError(
                key,
                expected="a causal task, such as gutenberg: only its networks decode token by token",
                got=f"{name} of a task whose networks read whole examples",
                remedy="leave it out, or limit latency_ms",
            )
