"""What a search can optimise: names, units, directions; and the budget that limits them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from search_space.errors import BudgetError, ConfigError

__all__ = ["OBJECTIVES", "Budget", "Direction", "Objective", "objectives_by_name"]

Direction = Literal["minimize", "maximize"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Objective:
    """One number of a network that a search optimises.

    Parameters
    ----------
    name, unit, label
        Key of a value, its unit, and how a report's axis calls it.
    exact
        Whether a formula gives the value; otherwise it is evaluated or predicted.
    evaluated
        Whether it needs an evaluation of the network; otherwise it is cheap, for whole populations.
    """

    name: str
    unit: str
    label: str
    direction: Direction = "minimize"
    exact: bool = False
    evaluated: bool = False

    @property
    def sign(self) -> float:
        """Factor that makes the objective one to minimise."""
        return 1.0 if self.direction == "minimize" else -1.0


_ALL = (
    Objective(name="validation_error", unit="%", label="Validation error", evaluated=True),
    Objective(name="latency_ms", unit="ms", label="Latency"),
    Objective(name="size_bytes", unit="bytes", label="Size of the weights", exact=True),
    Objective(name="params", unit="count", label="Parameters", exact=True),
    Objective(name="flops", unit="count", label="FLOPs of one example", exact=True),
    Objective(name="peak_activation_bytes", unit="bytes", label="Peak activation memory", exact=True),
)
OBJECTIVES: Mapping[str, Objective] = {objective.name: objective for objective in _ALL}


def objectives_by_name(names: Sequence[str]) -> tuple[Objective, ...]:
    """Return the objectives in the order of their names; raises ``ConfigError`` for unknown, repeated or no names."""
    for name in names:
        if name not in OBJECTIVES:
            raise ConfigError(
                "objectives", expected=f"names among {', '.join(OBJECTIVES)}", got=repr(name), remedy="correct the name"
            )
    if not names or len(set(names)) < len(names):
        raise ConfigError(
            "objectives",
            expected="one or more distinct names",
            got=repr(list(names)),
            remedy="name each objective once",
        )
    return tuple(OBJECTIVES[name] for name in names)


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """Upper limits by objective name.

    Raises
    ------
    ConfigError
        For an unknown name, or one that is maximised.
    BudgetError
        For a limit that is not a positive finite number.
    """

    limits: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, limit in self.limits.items():
            objective = objectives_by_name([name])[0]
            if objective.direction != "minimize":
                raise ConfigError(
                    f"budget.{name}",
                    expected="an objective that is minimised",
                    got="one that is maximised",
                    remedy="limit another objective",
                )
            if not (math.isfinite(limit) and limit > 0):
                raise BudgetError(
                    f"budget.{name}",
                    expected=f"a positive number{f' ({objective.unit})' if objective.unit else ''}",
                    got=repr(limit),
                    remedy="correct it, or remove it to search without this limit",
                )

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """The objectives that are limited."""
        return tuple(OBJECTIVES[name] for name in self.limits)

    def constraints(self, values: Mapping[str, float]) -> dict[str, float]:
        """Return ``value / limit - 1`` by name; a network is feasible when each is 0 or less."""
        return {name: values[name] / limit - 1.0 for name, limit in self.limits.items()}

    def feasible(self, values: Mapping[str, float]) -> bool:
        """Return whether the values meet every limit."""
        return all(value <= 0 for value in self.constraints(values).values())
