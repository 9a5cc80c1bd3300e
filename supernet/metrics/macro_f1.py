"""The mean over classes, or labels, of the harmonic mean of precision and recall: rare ones count, and false alarms.

Only those that the judged examples have count in the mean. A label is answered where its score is above 0, which is a
probability of a half.

Paper: Opitz & Burst 2019, Macro F1 and Macro F1 (this is the mean of F1 scores, as scikit-learn has it).
"""

from __future__ import annotations

from torch import Tensor

from search_space.metric import Metric
from supernet.metrics._base import Measure
from supernet.metrics._classes import Counts, fewest_classes, least_of_class


def _error(outputs: Tensor, targets: Tensor) -> float:
    """What the mean F1 of the classes that occur lacks of one; of one that is never found it is 0; 1 without any."""
    counts = Counts.of(outputs, targets)
    if not len(counts.there):  # as where the part of the one example with labels is left out
        return 1.0
    return 1.0 - float((2 * counts.found / (counts.there + counts.answered)).mean())


METRIC = Measure(
    metric=Metric(key="macro_f1", name="macro F1", unit="%", best=100.0, hub="f1"),
    kinds=("classes", "labels", "token_labels"),
    error=_error,
    least=least_of_class,
    unfit=fewest_classes,
)
