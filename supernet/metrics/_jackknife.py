"""The standard error of what is computed of all examples together: leave one part of them out after the other.

Examples are dealt to the parts class by class, so that each part has its share of a rare one.

Paper: Shao & Wu 1989, A General Theory for Jackknife Variance Estimation (more than one example is left out at a time).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["standard_error"]

_PARTS = 20


def standard_error(formula: Callable[[Tensor, Tensor], float], outputs: Tensor, targets: Tensor) -> float:
    """Return the standard error of ``formula(outputs, targets)``, both ``(n, ...)``; the value itself for one example.

    The order of the examples must say nothing about them.
    """
    n = len(targets)
    parts = min(_PARTS, n)
    if parts < 2:
        return abs(formula(outputs, targets))
    part_n = torch.arange(n) % parts
    if targets.ndim == 1 and not targets.is_floating_point():
        dealt = torch.empty_like(part_n)
        dealt[torch.argsort(targets, stable=True)] = part_n
        part_n = dealt
    left_out = torch.tensor(
        [formula(outputs[part_n != part], targets[part_n != part]) for part in range(parts)], dtype=torch.float64
    )
    return math.sqrt((parts - 1) / parts * (left_out - left_out.mean()).square().sum().item())
