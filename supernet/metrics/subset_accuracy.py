"""The share of examples of which every label is found, and no other is answered.

A label is answered where its score is above 0, which is a probability of a half.

Paper: Zhang and Zhou 2014, A Review on Multi-Label Learning Algorithms.
"""

from __future__ import annotations

from torch import Tensor

from search_space.metric import Metric
from supernet.metrics._base import Measure
from supernet.metrics._classes import least_of_share


def _errors(outputs: Tensor, targets: Tensor) -> Tensor:
    """One where some label is answered wrongly."""
    return ((outputs > 0) != targets.bool()).any(-1).float()


METRIC = Measure(
    metric=Metric(key="subset_accuracy", name="subset accuracy", unit="%", best=100.0, hub="accuracy"),
    kinds=("labels",),
    errors=_errors,
    least=least_of_share,
)
