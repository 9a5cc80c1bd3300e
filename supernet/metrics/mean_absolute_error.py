"""The mean size of the differences: a far outlier counts as much as its distance, not the square of it."""

from __future__ import annotations

from torch import Tensor

from search_space.metric import Metric
from supernet.metrics._base import Measure


def _errors(outputs: Tensor, targets: Tensor) -> Tensor:
    """Absolute error of each example, the mean over its numbers."""
    return (outputs - targets).abs().flatten(1).mean(1)


METRIC = Measure(
    metric=Metric(key="mean_absolute_error", name="mean absolute error", hub="mae"),
    kinds=("numbers",),
    errors=_errors,
    is_loss=True,
)
