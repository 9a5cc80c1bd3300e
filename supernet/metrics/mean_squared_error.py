"""The mean square of the differences; a forecast is standardised, so that the mean of the past is worth about one."""

from __future__ import annotations

from torch import Tensor

from search_space.metric import Metric
from supernet.metrics._base import Measure


def _errors(outputs: Tensor, targets: Tensor) -> Tensor:
    """Squared error of each example, the mean over its numbers."""
    return (outputs - targets).square().flatten(1).mean(1)


METRIC = Measure(
    metric=Metric(key="mean_squared_error", name="mean squared error", hub="mse"),
    kinds=("numbers",),
    errors=_errors,
    is_loss=True,
)
