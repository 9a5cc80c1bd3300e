"""The share of the variance that is explained, R2: 1 for what is exact, 0 for the mean of the targets, less for worse.

Of several numbers an example it is one share of the variance of all of them together.
"""

from __future__ import annotations

from torch import Tensor

from search_space.metric import Metric
from supernet.metrics._base import Measure


def _error(outputs: Tensor, targets: Tensor) -> float:
    """The squared error over that of the mean of the targets."""
    right = targets.double().flatten(1)
    spread = (right - right.mean(0)).square().sum()
    return float((outputs.double().flatten(1) - right).square().sum() / spread)


def _unfit(targets: Tensor, outputs: int) -> str | None:
    return None if (targets != targets[:1]).any() else "has the same targets in every example"


METRIC = Measure(
    metric=Metric(key="r2", name="R2", best=1.0, hub="r_squared"), kinds=("numbers",), error=_error, unfit=_unfit
)
