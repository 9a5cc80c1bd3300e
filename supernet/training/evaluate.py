"""The error of one network on one split."""

from __future__ import annotations

import torch
from torch import nn

from search_space import Architecture
from supernet.model import Supernet
from supernet.tasks import Split, TaskData

__all__ = ["evaluate"]


def evaluate(
    model: nn.Module,
    *,
    data: TaskData,
    split: Split,
    architecture: Architecture | None = None,
    batch_size: int = 256,
) -> float:
    """Return the error in percent.

    Parameters
    ----------
    model
        A supernet, with the ``architecture`` to run, or any module of a single input.
    split
        One of the splits of ``data``.
    batch_size
        Examples at a time; the result does not depend on it but for rounding.
    """
    assert isinstance(model, Supernet) == (architecture is not None)
    device = next(model.parameters()).device
    training = model.training
    model.eval()
    total = 0.0
    try:
        with torch.inference_mode():
            for start in range(0, len(split), batch_size):
                inputs, targets = (t.to(device) for t in split.batch(slice(start, start + batch_size)))
                outputs = model(inputs) if architecture is None else model(inputs, architecture)
                total += data.error(outputs, targets).sum(dtype=torch.float64).item()
    finally:
        model.train(training)
    return 100.0 * total / len(split)
