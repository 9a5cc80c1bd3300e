"""The mean over classes of the share of a class's examples that are found: each class counts the same, however rare.

Paper: Brodersen et al. 2010, The Balanced Accuracy and Its Posterior Distribution.
"""

from __future__ import annotations

from torch import Tensor

from search_space.metric import Metric
from supernet.metrics._base import Measure
from supernet.metrics._classes import Counts, fewest_classes, least_of_class


def _error(outputs: Tensor, targets: Tensor) -> float:
    """What the mean recall of the classes that occur lacks of one."""
    counts = Counts.of(outputs, targets)
    return 1.0 - float((counts.found / counts.there).mean())


METRIC = Measure(
    metric=Metric(key="balanced_accuracy", name="balanced accuracy", unit="%", best=100.0),
    kinds=("classes", "token_labels"),
    error=_error,
    least=least_of_class,
    unfit=fewest_classes,
)
