"""The answers of one network, class by class or label by label."""

from __future__ import annotations

import torch
from torch import nn

from runs.reports import Answered, ClassResults, LabelResults
from supernet.tasks import TaskData, words_of
from supernet.training import outputs_of

__all__ = ["class_results"]


def class_results(network: nn.Module, data: TaskData, *, key: str) -> Answered | None:
    """Return the answers on the test split; ``None`` for a task without classes and labels."""
    if data.kind == "labels":
        return _label_results(network, data, key=key)
    if data.kind not in ("classes", "token_labels"):
        return None
    classes = data.shape.num_outputs
    counts = torch.zeros(classes * classes, dtype=torch.int64)
    for outputs, targets in outputs_of(network, data.test):
        if data.kind == "token_labels":
            outputs, targets = words_of(outputs, targets)
        counts += (targets * classes + outputs.argmax(-1)).bincount(minlength=classes * classes).cpu()
    what = "words" if data.kind == "token_labels" else "examples"
    return ClassResults(key=key, labels=data.labels, confusion=counts.reshape(classes, classes).numpy(), what=what)


def _label_results(network: nn.Module, data: TaskData, *, key: str) -> LabelResults:
    counts = torch.zeros(3, data.shape.num_outputs, dtype=torch.int64)
    for outputs, targets in outputs_of(network, data.test):
        answers, there = outputs > 0, targets.bool()
        counts += torch.stack([part.sum(0) for part in (there, there & answers, answers)]).cpu()
    return LabelResults(key=key, labels=data.labels, counts=counts.numpy())
