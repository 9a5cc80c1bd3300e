"""The answers of one network, class by class."""

from __future__ import annotations

import torch
from torch import nn

from runs.reports import ClassResults
from supernet.tasks import TaskData
from supernet.training import outputs_of

__all__ = ["class_results"]


def class_results(network: nn.Module, data: TaskData, *, key: str) -> ClassResults | None:
    """Return the confusion matrix of the test split; ``None`` for a task without classes."""
    if data.kind != "classes":
        return None
    classes = data.shape.num_outputs
    counts = torch.zeros(classes * classes, dtype=torch.int64)
    for outputs, targets in outputs_of(network, data.test):
        counts += (targets * classes + outputs.argmax(-1)).bincount(minlength=classes * classes).cpu()
    return ClassResults(key=key, labels=data.labels, confusion=counts.reshape(classes, classes).numpy())
