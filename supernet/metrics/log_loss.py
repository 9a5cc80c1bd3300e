"""The mean of the negative logarithm of the probability of the right class, in nats: what training minimises."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from search_space.metric import Metric
from supernet.metrics._base import Measure


def _errors(outputs: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of each example."""
    return F.cross_entropy(outputs, targets, reduction="none")


METRIC = Measure(
    metric=Metric(key="log_loss", name="log loss", unit="nats"), kinds=("classes",), errors=_errors, is_loss=True
)
