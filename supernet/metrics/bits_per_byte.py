"""The bits that a byte of text takes under the predicted probabilities; of other tokens, the bits of a token."""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor

from search_space.metric import Metric
from supernet.metrics._base import Measure


def _errors(outputs: Tensor, targets: Tensor) -> Tensor:
    """Bits a token of ``(B, L, V)``, the mean over each window."""
    return F.cross_entropy(outputs.mT, targets, reduction="none").mean(1) / math.log(2)


METRIC = Measure(
    metric=Metric(key="bits_per_byte", name="bits per byte", unit="bits/byte"),
    kinds=("tokens",),
    errors=_errors,
    is_loss=True,
)
