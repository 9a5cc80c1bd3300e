"""The root of the mean square of the differences, in the unit of what is predicted: a far outlier counts most."""

from __future__ import annotations

from torch import Tensor

from search_space.metric import Metric
from supernet.metrics._base import Measure


def _error(outputs: Tensor, targets: Tensor) -> float:
    """Root of the mean of all squared errors."""
    return float((outputs.double() - targets.double()).square().mean().sqrt())


METRIC = Measure(
    metric=Metric(key="root_mean_squared_error", name="root mean squared error", hub="rmse"),
    kinds=("numbers",),
    error=_error,
)
