"""What a search optimises: names, units, directions, budgets, fronts and hypervolumes."""

from runs.objectives.objective import (
    MEASURED,
    OBJECTIVES,
    STEP_TIMES,
    TRAINING_STEPS,
    Budget,
    Direction,
    Objective,
    as_measured,
    exact_costs,
    objective_named,
    objectives_by_name,
    trained_for,
)
from runs.objectives.quantity import DECODE, ENERGY, FRACTION, LATENCY, Quantity, device_of, is_partial, noise_of

__all__ = [
    "DECODE",
    "ENERGY",
    "FRACTION",
    "LATENCY",
    "MEASURED",
    "OBJECTIVES",
    "STEP_TIMES",
    "TRAINING_STEPS",
    "Budget",
    "Direction",
    "Objective",
    "Quantity",
    "as_measured",
    "device_of",
    "exact_costs",
    "is_partial",
    "noise_of",
    "objective_named",
    "objectives_by_name",
    "trained_for",
]
