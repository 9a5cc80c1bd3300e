"""The learned residual of a latency: a ridge regression that spoiled measurements hardly move, and honest residuals."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from predictors.conformal import blocked_scores, time_blocks
from predictors.ridge import RidgePath, huber_weights

__all__ = ["residual_scores", "robust_path"]

Floats = NDArray[np.float64]
# Coefficients of standardised features move a latency by about as much as one network's residual, not by far more.
_PENALTY_FLOOR = 0.3
# With fewer networks, cross-validation between penalties decides by luck.
_FEWEST = 8
_REWEIGHTED = 3  # times, which is enough for weights to settle


def residual_scores(path: RidgePath, target: Floats, index: int, seconds: Floats | None) -> Floats:
    """Return the sorted residuals ``(n,)`` that intervals are made of; spoiled measurements count as any other."""
    single = np.abs(path.studentised(target)[:, index]) / path.roots
    if seconds is None:
        return np.sort(single)
    blocked = blocked_scores(path, target, index=index, blocks=time_blocks(seconds)) / path.roots
    return np.sort(blocked if blocked @ blocked > single @ single else single)


def robust_path(design: Floats, target: Floats) -> tuple[RidgePath, int]:
    """Return the fits to networks of which those that the others contradict weigh less, and the chosen penalty."""
    path = RidgePath(design, scale=True, floor=_PENALTY_FLOOR)
    if len(target) < _FEWEST:
        return path, len(path.penalties) - 1
    index = path.choose(target)
    for _ in range(_REWEIGHTED):
        weights = huber_weights(path.leave_one_out(target)[:, index] / path.roots)
        path = RidgePath(design, weights=weights, scale=True, floor=_PENALTY_FLOOR)
        index = path.choose(target)
    return path, index
