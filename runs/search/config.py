"""What the configuration says of a search, and what a search returns."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from runs.checks import check_value
from runs.objectives import Objective, objectives_by_name
from runs.search.fidelities.config import FidelitiesConfig
from runs.search.problem import Problem
from runs.search.registry import SAMPLERS, build_sampler
from runs.search.settings import settings_from
from search_space import Architecture, SearchSpace

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

__all__ = ["Evaluated", "SearchConfig", "SearchResult", "WorkersConfig"]

_METHODS = ("fidelities", "sampler")


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchConfig:
    """The keys ``search.*`` of the configuration.

    Parameters
    ----------
    n_trials
        Distinct networks to evaluate in total; a resumed search continues up to it.
    sampler
        A name of ``SAMPLERS``.
    settings
        The sampler's own settings by name; what is left out has its default.
    objectives
        The names of the objectives, in order.
    seed
        A number that is not negative.
    method
        ``fidelities`` buys training for networks and keeps them as they are exported; ``sampler`` evaluates networks
        with the weights of a supernet.
    fidelities
        How a search in fidelities is set.
    """

    n_trials: int
    sampler: str = "nasweave"
    settings: Mapping[str, bool | int | float | str | None] = field(default_factory=dict)
    objectives: tuple[str, ...] = ("validation_error", "latency_ms")
    seed: int = 0
    method: str = "sampler"
    fidelities: FidelitiesConfig = field(default_factory=FidelitiesConfig)

    def __post_init__(self) -> None:
        objectives_by_name(self.objectives)
        check_value("search.method", self.method, f"one of {', '.join(_METHODS)}", self.method in _METHODS)
        check_value("search.n_trials", self.n_trials, "1 or more", self.n_trials >= 1)
        check_value("search.seed", self.seed, "0 or more", self.seed >= 0)
        check_value("search.sampler", self.sampler, f"one of {', '.join(SAMPLERS)}", self.sampler in SAMPLERS)
        if self.settings:
            settings_from(SAMPLERS[self.sampler].settings, self.settings, sampler=self.sampler)

    def sampler_for(self, space: SearchSpace, *, problem: Problem) -> BaseSampler:
        """Return the sampler that the configuration names."""
        return build_sampler(self.sampler, space, problem=problem, seed=self.seed, settings=self.settings)


_ROLES = ("search", "profile")


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkersConfig:
    """How processes that share a search watch each other and their database; times in seconds.

    Parameters
    ----------
    role
        What a worker does: evaluate networks of the search, or measure the profile of its machine for other machines.
    index
        Tells the workers that one command starts apart.
    heartbeat_s
        The time between two heartbeats.
    grace_s
        The time without a heartbeat after which a worker counts as dead and others take over what it left.
    patience_s
        The time for which a database that cannot be reached is tried again before the worker stops.
    """

    role: str = "search"
    index: int = 0
    heartbeat_s: float = 5.0
    grace_s: float = 60.0
    patience_s: float = 300.0

    def __post_init__(self) -> None:
        check_value("workers.role", self.role, f"one of {', '.join(_ROLES)}", self.role in _ROLES)
        for name, value, least in (
            ("heartbeat_s", self.heartbeat_s, 0.0),
            ("grace_s", self.grace_s, 2 * self.heartbeat_s),
            ("patience_s", self.patience_s, 0.0),
        ):
            check_value(f"workers.{name}", value, f"more than {least:g}", least < value < math.inf)


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
