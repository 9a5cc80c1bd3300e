"""What the database keeps of a run's search beside its candidates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from runs.pipeline.context import Context
from runs.store import Store

__all__ = ["SearchRecord"]


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchRecord:
    """The trials of a search, and what it was searched with.

    Parameters
    ----------
    seconds
        The time of each stage in all commands.
    trials
        The trial of every network that the search evaluated, by key.
    objectives, sampler, seed, budget
        What it was searched with; earlier versions kept no sampler, seed and budget.
    """

    STAGE: ClassVar[str] = "search"

    seconds: Mapping[str, float]
    trials: Mapping[str, int]
    objectives: tuple[str, ...]
    sampler: str = ""
    seed: int | None = None
    budget: Mapping[str, float] | None = None

    @classmethod
    def of(cls, context: Context, *, trials: Mapping[str, int], seconds: Mapping[str, float]) -> SearchRecord:
        """Return the record of the search that a run is configured for."""
        config = context.config.search
        return cls(
            seconds=seconds,
            trials=trials,
            objectives=tuple(config.objectives),
            sampler=config.sampler,
            seed=config.seed,
            budget=context.budget.limits,
        )

    @classmethod
    def load(cls, store: Store, run_id: int) -> SearchRecord | None:
        """Return the record of a run, if its search was begun."""
        stage = store.stage(run_id, cls.STAGE)
        if stage is None:
            return None
        detail: dict[str, Any] = {**stage.detail, "objectives": tuple(stage.detail["objectives"])}
        return cls(**detail)

    def save(self, store: Store, run_id: int, *, fingerprint: str) -> None:
        """Keep the record, in place of the one before."""
        detail = {
            "seconds": dict(self.seconds),
            "trials": dict(self.trials),
            "objectives": list(self.objectives),
            "sampler": self.sampler,
            "seed": self.seed,
            "budget": dict(self.budget or {}),
        }
        store.finish_stage(run_id, self.STAGE, fingerprint=fingerprint, detail=detail)

    def with_seconds(self, more: Mapping[str, float]) -> SearchRecord:
        """Return the record with further time spent."""
        names = {**self.seconds, **more}
        return replace(self, seconds={name: self.seconds.get(name, 0.0) + more.get(name, 0.0) for name in names})
