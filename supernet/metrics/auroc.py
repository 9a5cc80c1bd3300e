"""The area under the ROC curve: how often an example of a class scores higher than one of the others.

With more than two classes it is the mean over classes, each against all others, of the softmax of the scores; of
labels the mean over those that some examples have and others have not.

Papers: Hanley & McNeil 1982 (the area as a probability); Provost & Domingos 2000 (one class against the rest).
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import rankdata
from torch import Tensor

from search_space.metric import Metric
from supernet.metrics._base import Measure
from supernet.metrics._classes import fewest_classes, least_of_share, present


def _error(outputs: Tensor, targets: Tensor) -> float:
    """What the mean area of the classes that occur lacks of one; half of that for scores that say nothing."""
    if targets.ndim == 2:
        scores, is_positive = outputs.double().numpy(), targets.numpy() > 0
        varies = is_positive.any(0) & ~is_positive.all(0)
        return _lacks(scores[:, varies], is_positive[:, varies])
    classes = present(targets)
    if outputs.shape[1] == 2:  # both areas are the same
        scores, classes = (outputs[:, 1:] - outputs[:, :1]).double().numpy(), np.array([1])
    else:
        scores = torch.softmax(outputs.double(), -1).numpy()[:, classes]
    return _lacks(scores, targets.numpy()[:, None] == classes)


def _unfit(targets: Tensor, outputs: int) -> str | None:
    if targets.ndim == 1:
        return fewest_classes(targets, outputs)
    varies = (targets != targets[:1]).any()
    return None if varies else "has no label that some examples have and others have not"


def _lacks(scores: NDArray[np.float64], is_positive: NDArray[np.bool_]) -> float:
    """Return what the mean area of the columns ``(n, K)`` lacks of one."""
    classes, positives = scores.shape[1], is_positive.sum(0)
    if not classes:  # as when a part is left out
        return 0.5
    pairs = positives * (len(scores) - positives)
    sums = (rankdata(scores, axis=0) * is_positive).sum(0)  # ties share their ranks
    won = sums - positives * (positives + 1) / 2
    # Without the other classes, as when a part is left out, scores say nothing.
    return float(np.mean(1.0 - np.divide(won, pairs, out=np.full(classes, 0.5), where=pairs > 0)))


METRIC = Measure(
    metric=Metric(key="auroc", name="AUROC", unit="%", best=100.0, hub="roc_auc"),
    kinds=("classes", "labels"),
    error=_error,
    least=least_of_share,
    unfit=_unfit,
)
