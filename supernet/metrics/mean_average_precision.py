"""The mean over labels of the average precision: how pure the examples of the best scores are, at every recall.

Of each label, ``sum_k (R_k - R_(k-1)) P_k`` over the different scores, from the largest; it needs no threshold. Only
labels that the judged examples have count in the mean.

Paper: Everingham et al. 2010, The PASCAL Visual Object Classes Challenge (without its interpolation).
"""

from __future__ import annotations

import numpy as np
from torch import Tensor

from search_space.metric import Metric
from supernet.metrics._base import Measure
from supernet.metrics._classes import fewest_classes, least_of_class


def _error(outputs: Tensor, targets: Tensor) -> float:
    """What the mean average precision of the labels that occur lacks of one; 1 where none does."""
    scores, is_there = outputs.double().numpy(), targets.numpy() > 0
    occurs = is_there.any(0)
    if not occurs.any():
        return 1.0
    scores, is_there = scores[:, occurs], is_there[:, occurs]
    order = np.argsort(-scores, axis=0, kind="stable")
    scores, is_there = np.take_along_axis(scores, order, 0), np.take_along_axis(is_there, order, 0)
    place = np.arange(len(scores))[:, None]
    is_last = np.concatenate([scores[1:] != scores[:-1], np.ones((1, scores.shape[1]), dtype=np.bool_)])
    # Examples of one score have a threshold together: each counts with the precision at the last of them.
    last = np.minimum.accumulate(np.where(is_last, place, len(scores))[::-1], axis=0)[::-1]
    precision = np.take_along_axis(is_there.cumsum(0), last, 0) / (last + 1)
    return 1.0 - float(((precision * is_there).sum(0) / is_there.sum(0)).mean())


METRIC = Measure(
    metric=Metric(key="mean_average_precision", name="mean average precision", unit="%", best=100.0, hub="map"),
    kinds=("labels",),
    error=_error,
    least=least_of_class,
    unfit=fewest_classes,
)
