"""What a search can optimise: names, units, directions; and the budget that limits them.

``latency_ms`` is that of the device which the run profiles; ``latency_ms@phone`` is that of the further device
``phone``, so one front can serve several devices. So it is with ``energy_mj``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from runs.objectives.quantity import ENERGY, LATENCY, Quantity
from search_space import Genes
from search_space.errors import BudgetError, ConfigError
from search_space.metric import ACCURACY, Metric

if TYPE_CHECKING:
    from predictors import CostModel

__all__ = [
    "MEASURED",
    "OBJECTIVES",
    "STEP_TIMES",
    "TRAINING_STEPS",
    "Budget",
    "Direction",
    "Objective",
    "as_measured",
    "exact_costs",
    "objective_named",
    "objectives_by_name",
    "trained_for",
]

TRAINING_STEPS = "training_steps"  # that a network of a search in fidelities has behind it
Direction = Literal["minimize", "maximize"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Objective:
    """One number of a network that a search optimises.

    Parameters
    ----------
    name, unit, label
        Key of a value, its unit, and how a report's axis calls it.
    formula
        What gives the values ``(n,)`` of a gene matrix, with the costs of its space; others are evaluated or predicted.
    evaluated
        Whether it needs an evaluation of the network; otherwise it is cheap, for whole populations.
    metric
        The task's metric that it stands for, where it is the error of a task.
    decodes
        Whether only a causal network has it, which decodes token by token.
    """

    name: str
    unit: str
    label: str
    direction: Direction = "minimize"
    formula: Callable[[CostModel, Genes], NDArray[np.int64]] | None = None
    evaluated: bool = False
    metric: Metric | None = None
    decodes: bool = False

    @property
    def sign(self) -> float:
        """Factor that makes the objective one to minimise."""
        return 1.0 if self.direction == "minimize" else -1.0

    def read_as(self, metric: Metric) -> Objective:
        """Return the same error of a task with another metric."""
        return replace(self, unit=metric.unit, label=metric.error_label, metric=metric)


_ALL = (
    Objective(name="validation_error", unit="%", label="Validation error", evaluated=True, metric=ACCURACY),
    Objective(name="validation_loss", unit="", label="Validation loss", evaluated=True),
    Objective(name="latency_ms", unit="ms", label="Latency"),
    Objective(name="ttft_ms", unit="ms", label="Time to the first token", decodes=True),
    Objective(name="decode_ms", unit="ms", label="Decoding of a token", decodes=True),
    Objective(name="tokens_per_s", unit="tokens/s", label="Tokens a second", direction="maximize", decodes=True),
    Objective(name="energy_mj", unit="mJ", label="Energy of one run"),
    Objective(name="size_bytes", unit="bytes", label="Size of the weights", formula=lambda c, g: c.size_bytes(g)),
    Objective(name="params", unit="count", label="Parameters", formula=lambda c, g: c.params(g)),
    Objective(name="flops", unit="count", label="FLOPs of one example", formula=lambda c, g: c.flops(g)),
    Objective(
        name="peak_activation_bytes",
        unit="bytes",
        label="Peak activation memory",
        formula=lambda c, g: c.peak_activation_bytes(g),
    ),
    Objective(
        name="cache_bytes",
        unit="bytes",
        label="Cache of a decoder",
        formula=lambda c, g: c.cache_bytes(g),
        decodes=True,
    ),
)
OBJECTIVES: Mapping[str, Objective] = {objective.name: objective for objective in _ALL}
MEASURED = (LATENCY, ENERGY)
"""What a device's profile tells; the others do not depend on the device."""
STEP_TIMES = frozenset({"decode_ms", "tokens_per_s"})
"""What the step of a decoder tells, which a profile of its own holds."""


def exact_costs(costs: CostModel, genes: Genes) -> dict[str, NDArray[np.float64]]:
    """Return every value that a formula gives, ``(n,)`` by objective name."""
    causal = costs.space.geometry.task.causal
    known = [o for o in OBJECTIVES.values() if causal or not o.decodes]
    return {o.name: o.formula(costs, genes).astype(float) for o in known if o.formula is not None}


def as_measured(values: Mapping[str, float], measured: Mapping[str, float]) -> dict[str, float]:
    """Return the values of a network with its times as they were measured, and what is read of these."""
    found = {**values, **{name: measured[name] for name in ("latency_ms", "decode_ms") if name in measured}}
    if "ttft_ms" in values:
        found["ttft_ms"] = found["latency_ms"]
    if "tokens_per_s" in values:
        found["tokens_per_s"] = values["tokens_per_s"] * values["decode_ms"] / found["decode_ms"]
    return found


@lru_cache
def objective_named(name: str, *, parameter: str = "objectives") -> Objective:
    """Return the objective of that name, of a further device too; raises ``ConfigError`` for an unknown one."""
    try:
        asked = Quantity.parse(name)
    except ValueError:
        asked = None
    if asked is None or asked.base not in OBJECTIVES or asked.part != "value" or not _is_known_on(asked):
        raise ConfigError(
            parameter,
            expected=f"names among {', '.join((*OBJECTIVES, *(str(known.on('DEVICE')) for known in MEASURED)))}",
            got=repr(name),
            remedy="correct the name",
        )
    found = OBJECTIVES[asked.base]
    return found if asked.device is None else replace(found, name=name, label=f"{found.label} on {asked.device}")


def _is_known_on(asked: Quantity) -> bool:
    """Whether there can be such a value on the device that is asked for."""
    return asked.device is None or asked.on(None) in MEASURED


def objectives_by_name(names: Sequence[str]) -> tuple[Objective, ...]:
    """Return the objectives in the order of their names; raises ``ConfigError`` for unknown, repeated or no names."""
    found = tuple(objective_named(name) for name in names)
    if not names or len(set(names)) < len(names):
        raise ConfigError(
            "objectives",
            expected="one or more distinct names",
            got=repr(list(names)),
            remedy="name each objective once",
        )
    return found


def trained_for(objectives: Sequence[Objective]) -> str:
    """Return the name of the evaluated value that training is bought for: the first objective that is evaluated.

    Raises
    ------
    ConfigError
        None is.
    """
    for objective in objectives:
        if objective.evaluated:
            return objective.name
    raise ConfigError(
        "search.objectives",
        expected="the validation error or loss among them, for a search that buys training",
        got=", ".join(objective.name for objective in objectives),
        remedy="add validation_error, or search with search=nasweave",
    )


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
            objective = objective_named(name, parameter="budget")
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
        return tuple(objective_named(name) for name in self.limits)

    def constraints(self, values: Mapping[str, float]) -> dict[str, float]:
        """Return ``value / limit - 1`` by name; a network is feasible when each is 0 or less."""
        return {name: values[name] / limit - 1.0 for name, limit in self.limits.items()}

    def feasible(self, values: Mapping[str, float]) -> bool:
        """Return whether the values meet every limit."""
        return all(value <= 0 for value in self.constraints(values).values())
