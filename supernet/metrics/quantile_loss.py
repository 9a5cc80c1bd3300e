"""The pinball loss, least when the outputs are a quantile of what the targets may be: a share of them lies below.

At a half it is half the mean absolute error; at 0.9 a target above the output counts nine times one below it.

Paper: Koenker & Bassett 1978, Regression Quantiles.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from search_space.metric import Metric
from supernet.metrics._base import Measure

_LEVEL = 0.9


def _errors(outputs: Tensor, targets: Tensor, *, level: float) -> Tensor:
    """Pinball loss of each example, the mean over its numbers."""
    above = targets - outputs
    return torch.maximum(level * above, (level - 1) * above).flatten(1).mean(1)


def _at(level: float) -> Measure:
    return Measure(
        metric=Metric(key="quantile_loss", name=f"quantile loss at {level:g}", hub="pinball"),
        kinds=("numbers",),
        errors=partial(_errors, level=level),
        is_loss=True,
        at=_at,
    )


METRIC = _at(_LEVEL)
