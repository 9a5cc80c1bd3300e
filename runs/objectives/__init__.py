"""What a search optimises: names, units, directions, budgets, fronts and hypervolumes."""

from runs.objectives.objective import (
    FRACTION,
    MEASURED,
    OBJECTIVES,
    Budget,
    Direction,
    Objective,
    device_of,
    is_partial,
    noise_of,
    objective_named,
    objectives_by_name,
    on_device,
)

__all__ = [
    "FRACTION",
    "MEASURED",
    "OBJECTIVES",
    "Budget",
    "Direction",
    "Objective",
    "device_of",
    "is_partial",
    "noise_of",
    "objective_named",
    "objectives_by_name",
    "on_device",
]
