"""The harmonic mean of precision and recall of all answers, whatever their label: frequent labels count the most.

A label is answered where its score is above 0, which is a probability of a half.

Paper: Zhang and Zhou 2014, A Review on Multi-Label Learning Algorithms.
"""

from __future__ import annotations

from torch import Tensor

from search_space.metric import Metric
from supernet.metrics._base import Measure
from supernet.metrics._classes import fewest_classes


def _error(outputs: Tensor, targets: Tensor) -> float:
    """What the F1 of all pairs of an example and a label lacks of one; 1 where no label is there or answered."""
    answers, there = outputs > 0, targets.bool()
    named = int(answers.sum() + there.sum())
    return 1.0 - 2 * int((answers & there).sum()) / named if named else 1.0


def _least(targets: Tensor) -> float:
    """Return the weight of one label of one example."""
    return 1.0 / max(1, int(targets.sum()))


METRIC = Measure(
    metric=Metric(key="micro_f1", name="micro F1", unit="%", best=100.0, hub="f1"),
    kinds=("labels",),
    error=_error,
    least=_least,
    unfit=fewest_classes,
)
