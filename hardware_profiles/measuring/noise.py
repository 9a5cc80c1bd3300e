"""The noise floor of a profile: how much a latency changes when the same executable is measured again later."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from hardware_profiles.measurement import Measurement

__all__ = ["noise_floor"]

_NORMAL_MAD = 1.4826  # standard deviation of a normal variable over its median absolute deviation


def noise_floor(measurements: Sequence[Measurement], *, confidence: float) -> float:
    """Return the relative standard deviation of one measurement; 0 for none.

    It comes from the subjects that were measured twice: the difference of two measurements has twice the variance of
    one. Where nothing was measured twice, it is the typical uncertainty of a median, which knows nothing of the
    changes between two measurements and is therefore rather too small.

    Parameters
    ----------
    measurements
        Of one profile.
    confidence
        Coverage of the intervals whose half-widths are the ``spread`` of the measurements.
    """
    if not measurements:
        return 0.0
    changes = [abs(math.log(m.repeat_ms / m.latency_ms)) for m in measurements if m.repeat_ms is not None]
    if changes:
        return _NORMAL_MAD * float(np.median(changes)) / math.sqrt(2)
    deviations = NormalDist().inv_cdf((1 + confidence) / 2)  # in half an interval: 1.96 for 95 %
    return float(np.median([m.spread for m in measurements])) / deviations
