"""What a trained network teaches others: its outputs on the examples of training, beside the labels.

Where examples are always the same, its outputs on those that a training comes by are computed once and kept, for the
teacher takes longer than a small network's own step. Where they are varied at random, it sees each variation that its
student sees.

Papers: Hinton et al. 2015 (distillation); Beyer et al. 2022, arXiv:2106.05237 (the teacher sees what the student sees).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from supernet.model import Network
from supernet.tasks import TaskData
from supernet.training.config import TrainingConfig
from supernet.training.mixed_precision import autocast
from supernet.training.sampling import training_rows

__all__ = ["Teaching", "kept_outputs"]

_MOST_BYTES = 2**28
_BATCH_SIZE = 256


@dataclass(frozen=True, kw_only=True, slots=True)
class Teaching:
    """A teacher and how much it counts.

    Parameters
    ----------
    network
        In evaluation mode; it is never changed.
    weight
        Share of the loss that is the divergence from its outputs; the rest is the loss on the labels.
    outputs
        Those on the training split, ``(n, ...)``, NaN for an example that :func:`kept_outputs` did not come by;
        ``None`` where none are kept.
    """

    network: Network
    weight: float
    outputs: Tensor | None = None

    def of(self, rows: Tensor, inputs: Tensor, *, bf16: bool) -> Tensor:
        """Return its outputs ``(B, ...)`` on the examples of some rows, whose inputs ``(B, *input_shape)`` are."""
        if self.outputs is not None:
            kept = self.outputs[rows]
            if not bool(kept.isnan().any()):
                return kept.to(inputs.device)
        network = self.network.to(inputs.device)
        with torch.no_grad(), autocast(inputs.device, bf16=bf16):
            outputs: Tensor = network(inputs)
        return outputs.float()


def kept_outputs(network: Network, data: TaskData, config: TrainingConfig, *, steps: int) -> Tensor | None:
    """Return a teacher's outputs on what a training of so many steps comes by, ``(n, ...)``, NaN elsewhere.

    ``None`` where examples are varied at random, or the outputs of the whole split would take more than 256 MiB.
    """
    device = next(network.parameters()).device
    inputs, _ = data.train.batch(slice(0, 1))
    with torch.inference_mode():
        shape = network(inputs.to(device)).shape[1:]
    if data.augmentation is not None or len(data.train) * math.prod(shape) * 4 > _MOST_BYTES:
        return None
    kept = torch.full((len(data.train), *shape), torch.nan)
    seen = {int(row) for step in range(steps) for row in training_rows(data, config, step=step)}
    for rows in torch.split(torch.tensor(sorted(seen)), _BATCH_SIZE):
        inputs, _ = data.train.batch(rows)
        with torch.inference_mode(), autocast(device, bf16=config.bf16):
            kept[rows] = network(inputs.to(device)).float().cpu()
    return kept
