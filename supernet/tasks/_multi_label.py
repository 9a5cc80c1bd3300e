"""Multi-label classification: of several labels, an example may have any, whatever the input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from supernet.metrics import METRICS, Kind, Measure
from supernet.tasks._base import TaskData
from supernet.tasks._summary import label_facts

__all__ = ["MultiLabelData", "label_scores"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False, repr=False)
class MultiLabelData(TaskData):
    """Examples with any number of labels each, as targets ``(B, K)`` of 0 and 1.

    Parameters
    ----------
    label_weights
        What an example that has a label weighs in the loss of that label, ``(K,)``, beside 1 for one that has not;
        ``None`` where both weigh the same.
    """

    kind: ClassVar[Kind] = "labels"

    measure: Measure = METRICS["mean_average_precision"]
    label_weights: Tensor | None = None

    def loss(
        self,
        outputs: Tensor,
        targets: Tensor,
        *,
        reduction: Literal["mean", "none"] = "mean",
        label_smoothing: float = 0.0,
    ) -> Tensor:
        """Binary cross-entropy of ``(B, K)`` with ``(B, K)``, the mean over the labels."""
        aim = targets.to(outputs.dtype) * (1 - label_smoothing) + label_smoothing / 2
        weights = None if self.label_weights is None else self.label_weights.to(outputs.device)
        loss_BK = F.binary_cross_entropy_with_logits(outputs, aim, reduction="none", pos_weight=weights)
        return loss_BK.mean() if reduction == "mean" else loss_BK.mean(1)

    def answer_facts(self) -> dict[str, str]:
        """Return the labels and how many examples have each."""
        return label_facts(self.train.targets, self.labels)

    def soft_loss(self, outputs: Tensor, teacher_outputs: Tensor, targets: Tensor) -> Tensor:
        """Kullback-Leibler divergence of the teacher's probabilities from the student's, mean over the labels."""
        teacher = torch.sigmoid(teacher_outputs)
        cross = F.binary_cross_entropy_with_logits(outputs, teacher)
        return cross - F.binary_cross_entropy_with_logits(teacher_outputs, teacher)


def label_scores(labels: Sequence[str]) -> dict[str, Any]:
    """Return the meaning of the outputs of a multi-label classification, as ``TaskData.meaning``."""
    return {
        "kind": "label scores",
        "shape": ["batch", len(labels)],
        "decision": "an example has the labels whose score is above 0; the sigmoid gives the probability of each",
        "labels": list(labels),
    }
