"""Classification: loss and distillation of one class an example, whatever the input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import torch.nn.functional as F
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split
from torch import Tensor

from supernet.metrics import METRICS, Kind, Measure
from supernet.tasks._base import TaskData
from supernet.tasks._summary import class_facts

__all__ = ["ClassificationData", "class_scores", "stratified"]

SPLIT_SEED = 0


@dataclass(frozen=True, kw_only=True, slots=True, eq=False, repr=False)
class ClassificationData(TaskData):
    """Examples with one class each.

    Parameters
    ----------
    class_weights
        What an example of each class weighs in the loss, ``(K,)``; ``None`` where all weigh the same.
    """

    kind: ClassVar[Kind] = "classes"

    measure: Measure = METRICS["accuracy"]
    class_weights: Tensor | None = None

    def loss(
        self,
        outputs: Tensor,
        targets: Tensor,
        *,
        reduction: Literal["mean", "none"] = "mean",
        label_smoothing: float = 0.0,
    ) -> Tensor:
        """Cross-entropy of ``(B, classes)`` with ``(B,)``, of each example as much as its class weighs."""
        if self.class_weights is None:
            return F.cross_entropy(outputs, targets, reduction=reduction, label_smoothing=label_smoothing)
        loss_B = F.cross_entropy(outputs, targets, reduction="none", label_smoothing=label_smoothing)
        loss_B = loss_B * self.class_weights.to(outputs.device)[targets]
        return loss_B.mean() if reduction == "mean" else loss_B

    def answer_facts(self) -> dict[str, str]:
        """Return the classes and their sizes."""
        return class_facts(self.train.targets, self.labels, evaluated=self.validation.targets)

    def soft_loss(self, outputs: Tensor, teacher_outputs: Tensor, targets: Tensor) -> Tensor:
        """Kullback-Leibler divergence of the teacher's distribution from the student's (Hinton et al. 2015)."""
        log_p, log_q = F.log_softmax(teacher_outputs, -1), F.log_softmax(outputs, -1)
        return F.kl_div(log_q, log_p, reduction="batchmean", log_target=True)


def class_scores(classes: int, *, labels: Sequence[str] = ()) -> dict[str, Any]:
    """Return the meaning of the outputs of a classification, as ``TaskData.meaning``."""
    named: dict[str, Any] = {"labels": list(labels)} if labels else {}
    return {
        "kind": "class scores",
        "shape": ["batch", classes],
        "decision": "the class of the largest score; softmax gives probabilities",
        **named,
    }


def stratified(labels: NDArray[np.int64], *, size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows without ``size`` of them, and those, stratified by class under a fixed seed, in order."""
    rest, taken = train_test_split(np.arange(len(labels)), test_size=size, stratify=labels, random_state=SPLIT_SEED)
    return np.sort(rest), np.sort(taken)
