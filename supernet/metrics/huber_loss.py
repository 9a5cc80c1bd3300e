"""Half the squared error up to a difference of one, from there on the absolute error less a half: outliers pull less.

As a loss it is of standardised targets, so that one is a training deviation; as a metric, of the task's own unit.

Paper: Huber 1964, Robust Estimation of a Location Parameter.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from search_space.metric import Metric
from supernet.metrics._base import Measure


def _errors(outputs: Tensor, targets: Tensor) -> Tensor:
    """Huber loss of each example, the mean over its numbers."""
    return F.huber_loss(outputs, targets, reduction="none").flatten(1).mean(1)


METRIC = Measure(metric=Metric(key="huber_loss", name="Huber loss"), kinds=("numbers",), errors=_errors, is_loss=True)
