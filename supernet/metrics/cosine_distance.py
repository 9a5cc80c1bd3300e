"""One less the cosine of the vector that is given and the one that is imitated: 0 for the same direction, 2 at most."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from search_space.metric import Metric
from supernet.metrics._base import Measure


def _errors(outputs: Tensor, targets: Tensor) -> Tensor:
    return 1 - F.cosine_similarity(outputs, targets, dim=-1)


METRIC = Measure(
    metric=Metric(key="cosine_distance", name="cosine distance"), kinds=("vectors",), errors=_errors, is_loss=True
)
