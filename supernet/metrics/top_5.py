"""The share of examples whose class is among the five with the largest scores.

Paper: Russakovsky et al. 2015, ImageNet Large Scale Visual Recognition Challenge.
"""

from __future__ import annotations

from torch import Tensor

from search_space.metric import Metric
from supernet.metrics._base import Measure
from supernet.metrics._classes import least_of_share

_SHOWN = 5


def _errors(outputs: Tensor, targets: Tensor) -> Tensor:
    """One where the class is not among the five."""
    shown = outputs.topk(min(_SHOWN, outputs.shape[-1]), dim=-1).indices
    return (shown != targets[:, None]).all(-1).float()


def _unfit(targets: Tensor, outputs: int) -> str | None:
    return None if outputs > _SHOWN else f"has {outputs} classes, of which five are named"


METRIC = Measure(
    metric=Metric(key="top_5", name="top-5 accuracy", unit="%", best=100.0, hub="top_5_accuracy"),
    kinds=("classes", "token_labels"),
    errors=_errors,
    least=least_of_share,
    unfit=_unfit,
)
