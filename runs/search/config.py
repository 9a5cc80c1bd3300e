"""What a search is asked for, and what it returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from runs.objectives import Budget, Objective, objectives_by_name
from search_space import Architecture
from search_space.errors import ConfigError

__all__ = ["Evaluated", "SearchConfig", "SearchResult"]


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchConfig:
    """What is searched, and how.

    Parameters
    ----------
    n_trials
        Distinct networks to evaluate in total; a resumed search continues up to it.
    sampler
        A name of ``SAMPLERS``.
    objectives
        Names, in order.
    budget
        Upper limits by name.
    seed
        Not negative.
    """

    n_trials: int
    sampler: str = "nasweave"
    objectives: tuple[str, ...] = ("validation_error", "latency_ms")
    budget: Budget = field(default_factory=Budget)
    seed: int = 0

    def __post_init__(self) -> None:
        objectives_by_name(self.objectives)
        for name, value, least in (("n_trials", self.n_trials, 1), ("seed", self.seed, 0)):
            if value < least:
                raise ConfigError(
                    f"search.{name}", expected=f"{least} or more", got=str(value), remedy="give a larger number"
                )


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluated:
    """One evaluated network; ``values`` holds every known value by name, the objectives among them."""

    key: str
    architecture: Architecture
    values: Mapping[str, float]
    feasible: bool
    trial_number: int


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchResult:
    """What the study holds in the end, in order of evaluation.

    ``exhausted`` says that the space has fewer networks than were asked for; ``failed`` counts the trials that failed.
    """

    study_name: str
    objectives: tuple[Objective, ...]
    evaluated: tuple[Evaluated, ...]
    failed: int
    exhausted: bool
