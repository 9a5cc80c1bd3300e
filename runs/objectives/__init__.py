"""What a search optimises: names, units, directions, budgets, fronts and hypervolumes."""

from runs.objectives.objective import (
    MEASURED,
    OBJECTIVES,
    TRAINING_STEPS,
    Budget,
    Direction,
    Objective,
    exact_costs,
    objective_named,
    objectives_by_name,
    trained_for,
)
from runs.objectives.quantity import ENERGY, FRACTION, LATENCY, Quantity, device_of, is_partial, noise_of

__all__ = [
    "ENERGY",
    "FRACTION",
    "LATENCY",
    "MEASURED",
    "OBJECTIVES",
    "TRAINING_STEPS",
    "Budget",
    "Direction",
    "Objective",
    "Quantity",
    "device_of",
    "exact_costs",
    "is_partial",
    "noise_of",
    "objective_named",
    "objectives_by_name",
    "trained_for",
]
