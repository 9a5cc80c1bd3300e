"""One step's gradients: the largest subnet on the labels, the others on the labels and on the largest.

The loss of a step is the mean over its subnets; each is propagated at once, so that one graph is alive at a time. With
``split_batch`` the others share the examples among them (Liao et al. 2021, ViT-ResNAS), at a fraction of the cost.

Papers: Yu & Huang 2019, Universally Slimmable Networks (sandwich rule, in-place distillation).
"""

from __future__ import annotations

import torch
from torch import Tensor

from search_space import Architecture
from supernet.model import Supernet
from supernet.tasks import TaskData
from supernet.training.config import TrainingConfig
from supernet.training.mixed_precision import autocast
from supernet.training.sampling import Subnets

__all__ = ["accumulate_gradients"]


def accumulate_gradients(
    supernet: Supernet, *, data: TaskData, inputs: Tensor, targets: Tensor, subnets: Subnets, config: TrainingConfig
) -> Tensor:
    """Add the gradient of the mean loss to the parameters.

    Parameters
    ----------
    inputs, targets
        ``(B, *input_shape)`` and ``(B, ...)``.

    Returns
    -------
    The loss of each subnet, largest first, then its students; detached.
    """
    students, everything = subnets.students, slice(0, len(inputs))
    share, weight = 1.0 / (1 + len(students)), config.distillation_weight

    def forward(architecture: Architecture, rows: slice) -> tuple[Tensor, Tensor]:
        with autocast(inputs.device, bf16=config.bf16):
            outputs: Tensor = supernet(inputs[rows], architecture)
        outputs = outputs.float() if config.bf16 else outputs
        return outputs, data.loss(outputs, targets[rows], label_smoothing=config.label_smoothing)

    outputs, loss = forward(subnets.largest, everything)
    (loss * share).backward()  # type: ignore[no-untyped-call]
    teacher, losses = outputs.detach(), [loss.detach()]
    for i, student in enumerate(students):
        rows = _part(len(inputs), i, len(students)) if config.split_batch else everything
        outputs, loss = forward(student, rows)
        loss = (1 - weight) * loss + weight * data.soft_loss(outputs, teacher[rows], targets[rows])
        (loss * share).backward()  # type: ignore[no-untyped-call]
        losses.append(loss.detach())
    return torch.stack(losses)


def _part(size: int, index: int, parts: int) -> slice:
    """Return the rows of one of ``parts`` equal parts of a batch, whose sizes differ by one at most."""
    return slice(size * index // parts, size * (index + 1) // parts)
