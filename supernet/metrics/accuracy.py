"""The share of examples whose class is found."""

from __future__ import annotations

from torch import Tensor

from search_space.metric import ACCURACY
from supernet.metrics._base import Measure
from supernet.metrics._classes import least_of_share


def _errors(outputs: Tensor, targets: Tensor) -> Tensor:
    """One where the largest output is of another class."""
    return (outputs.argmax(-1) != targets).float()


METRIC = Measure(metric=ACCURACY, kinds=("classes", "token_labels"), errors=_errors, least=least_of_share)
