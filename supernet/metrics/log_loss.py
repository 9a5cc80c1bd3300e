"""The mean of the negative logarithm of the probability of the right class, in nats: what training minimises.

Of labels it is the binary cross-entropy, the mean over the labels of an example.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from search_space.metric import Metric
from supernet.metrics._base import Measure


def _errors(outputs: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of each example."""
    if targets.ndim == outputs.ndim:
        return F.binary_cross_entropy_with_logits(outputs, targets.to(outputs.dtype), reduction="none").mean(1)
    return F.cross_entropy(outputs, targets, reduction="none")


METRIC = Measure(
    metric=Metric(key="log_loss", name="log loss", unit="nats"),
    kinds=("classes", "labels", "token_labels"),
    errors=_errors,
    is_loss=True,
)
