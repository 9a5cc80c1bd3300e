"""The area under the ROC curve: how often an example of a class scores higher than one of the others.

With more than two classes it is the mean over classes, each against all others, of the softmax of the scores.

Papers: Hanley & McNeil 1982 (the area as a probability); Provost & Domingos 2000 (one class against the rest).
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.stats import rankdata
from torch import Tensor

from search_space.metric import Metric
from supernet.metrics._base import Measure
from supernet.metrics._classes import fewest_classes, least_of_share, present


def _error(outputs: Tensor, targets: Tensor) -> float:
    """What the mean area of the classes that occur lacks of one; half of that for scores that say nothing."""
    classes = present(targets)
    if outputs.shape[1] == 2:  # both areas are the same
        scores, classes = (outputs[:, 1:] - outputs[:, :1]).double().numpy(), np.array([1])
    else:
        scores = torch.softmax(outputs.double(), -1).numpy()[:, classes]
    is_positive = targets.numpy()[:, None] == classes
    positives = is_positive.sum(0)
    pairs = positives * (len(targets) - positives)
    sums = (rankdata(scores, axis=0) * is_positive).sum(0)  # ties share their ranks
    won = sums - positives * (positives + 1) / 2
    # Without the other classes, as when a part is left out, scores say nothing.
    return float(np.mean(1.0 - np.divide(won, pairs, out=np.full(len(classes), 0.5), where=pairs > 0)))


METRIC = Measure(
    metric=Metric(key="auroc", name="AUROC", unit="%", best=100.0, hub="roc_auc"),
    kinds=("classes",),
    error=_error,
    least=least_of_share,
    unfit=fewest_classes,
)
