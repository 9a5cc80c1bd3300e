"""Monotone transforms of a target that saturates: the logarithm of its distance to a bound.

Papers: Box and Cox 1964 (An Analysis of Transformations).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["TargetTransform", "candidate_transforms"]

Floats = NDArray[np.float64]
# Distance of the bound to the nearest target, in ranges of the data; nearer ones follow single points.
_MARGINS = (0.1, 0.3, 1.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetTransform:
    """``sign * log(sign * (y - bound))``, increasing; with ``sign`` 0 the straight line.

    Sign 1 suits errors that fall towards a floor, sign -1 accuracies that rise towards a ceiling.
    """

    sign: int = 0
    bound: float = 0.0

    def forward(self, y: Floats) -> Floats:
        """Transform targets on the bound's right side."""
        if self.sign == 0:
            return y
        transformed: Floats = self.sign * np.log(self.sign * (y - self.bound))
        return transformed

    def backward(self, z: Floats) -> Floats:
        """Return the targets that :meth:`forward` maps to ``z``."""
        if self.sign == 0:
            return z
        # Far outside of the data the exponential would overflow.
        target: Floats = self.bound + self.sign * np.exp(np.clip(self.sign * z, -300.0, 300.0))
        return target

    def slope(self, y: Floats) -> Floats:
        """Return the derivative of :meth:`forward`, positive."""
        if self.sign == 0:
            return np.ones(len(y))
        # A prediction may round to the bound itself.
        distance: Floats = np.maximum(np.abs(y - self.bound), np.finfo(float).tiny)
        return 1.0 / distance


def candidate_transforms(y: Floats) -> list[TargetTransform]:
    """Return the straight line and bounds at several distances below and above the targets ``(n,)``."""
    span = float(np.ptp(y))
    # A span that rounding could explain has no shape to straighten.
    if span <= 1e-9 * float(np.abs(y).max()):
        return [TargetTransform()]
    below = [TargetTransform(sign=1, bound=float(y.min()) - margin * span) for margin in _MARGINS]
    above = [TargetTransform(sign=-1, bound=float(y.max()) + margin * span) for margin in _MARGINS]
    return [TargetTransform(), *below, *above]
