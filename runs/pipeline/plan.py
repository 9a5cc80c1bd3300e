"""The pipeline as data: a stage names what it needs, and a plan puts them in order, once each.

``Plan(context).run(REPORT)`` does all that a report needs first, and says what an earlier command has done already. A
worker gives the plan another stage in place of training: ``Plan(context, replace={TRAIN: LOAD_TRAINED})``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from runs.pipeline.context import Context

__all__ = ["SECONDS", "Plan", "Stage"]

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Stage(Generic[T]):
    """One stage of a run, declared as a constant of its module.

    Parameters
    ----------
    name
        What a user reads.
    run
        The function ``(context, *artifacts) -> artifact``, given the artifacts of ``needs`` in order.
    needs
        The stages whose artifacts it takes.
    after
        The stages that come before it, first of all, though it takes nothing of them.
    done
        Tells from the arguments of ``run`` whether an earlier command has done the work, which ``run`` then only reads.
    """

    name: str
    run: Callable[..., T]
    needs: tuple[Stage[Any], ...] = ()
    after: tuple[Stage[Any], ...] = ()
    done: Callable[..., bool] | None = None


SECONDS: Stage[Mapping[str, float]] = Stage(name="seconds", run=lambda context: {})
"""The seconds that each finished stage of the plan took, by name; a plan fills it itself."""


class Plan:
    """Runs stages in the order of their needs, each once, and remembers their artifacts.

    Parameters
    ----------
    context
        The values of the run.
    replace
        Stages to run in place of others.
    """

    def __init__(self, context: Context, *, replace: Mapping[Stage[Any], Stage[Any]] | None = None) -> None:
        self.context = context
        self._replaced = dict(replace or {})
        self._seconds: dict[str, float] = {}
        self._artifacts: dict[Stage[Any], Any] = {SECONDS: self._seconds}

    def run(self, stage: Stage[T]) -> T:
        """Return the artifact of a stage; what it needs and what this plan has not done yet is done first."""
        chosen = self._replaced.get(stage, stage)
        if chosen not in self._artifacts:
            self._artifacts[chosen] = self._do(chosen)
        return cast(T, self._artifacts[chosen])

    def prepare(self, stage: Stage[Any]) -> None:
        """Do all that comes before a stage, and not the stage itself."""
        chosen = self._replaced.get(stage, stage)
        for before in (*chosen.after, *chosen.needs):
            self.run(before)

    def _do(self, stage: Stage[Any]) -> Any:
        for before in stage.after:
            self.run(before)
        arguments = (self.context, *(self.run(need) for need in stage.needs))
        if stage.done is not None and stage.done(*arguments):
            self.context.reporter.skipped(stage.name)
        begin = time.monotonic()
        artifact = stage.run(*arguments)
        self._seconds[stage.name] = time.monotonic() - begin
        return artifact
