"""Finetuning: a short distilled training of one network with the weights that it inherits from the supernet.

The teacher is the supernet's largest network, frozen; a ``distillation_weight`` of 0 leaves it and its time out. What
comes back is never worse on the validation split than what went in: the better of both is kept.

Papers: Hinton et al. 2015 (distillation); Cai et al. 2020 (Once-for-All: finetuning after the search).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from search_space import Architecture
from supernet.calibration import calibrate
from supernet.extract import extract
from supernet.model import Network, Supernet
from supernet.tasks import TaskData
from supernet.training.config import TrainingConfig
from supernet.training.distributed import Ranks
from supernet.training.evaluate import Evaluator, Quality
from supernet.training.mixed_precision import autocast
from supernet.training.state import Progress, Training

__all__ = ["Finetuned", "distil", "finetune"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Finetuned:
    """The better of two networks, and the quality of both on the whole validation split.

    ``inherited`` is that of the network before, whose weights are those of the supernet but where others were given.
    """

    network: Network
    inherited: Quality
    trained: Quality

    @property
    def error(self) -> float:
        """The validation error of the better one."""
        return min(self.inherited.error, self.trained.error)

    @property
    def improved(self) -> bool:
        """Whether training helped."""
        return self.trained.error < self.inherited.error


def finetune(
    supernet: Supernet,
    architecture: Architecture,
    data: TaskData,
    config: TrainingConfig,
    *,
    supernet_fingerprint: str,
    folder: Path,
    before: Network | None = None,
    progress: Progress | None = None,
) -> Finetuned:
    """Train the network of an architecture, starting from the supernet's weights, in its own precision.

    Resumes from ``folder`` as :func:`supernet.training.train` does. Of the configuration, ``num_random``,
    ``teacher_phase`` and ``precision_phase`` do not matter.

    Parameters
    ----------
    supernet, supernet_fingerprint
        A trained supernet in evaluation mode, and what identifies its weights.
    folder
        Where the checkpoint and the curve of this network are kept.
    before
        What the trained network must be better than, in place of the inherited one.

    Raises
    ------
    CheckpointError
        For a checkpoint in ``folder`` that is damaged or of another network, data set or configuration.
    NasweaveError
        When the loss or its gradient is not finite.
    """
    evaluator = Evaluator(data, split=data.validation, device=next(supernet.parameters()).device)
    inherited_network = extract(supernet, architecture).eval() if before is None else before
    trained_network = distil(
        supernet,
        architecture,
        data,
        config,
        supernet_fingerprint=supernet_fingerprint,
        folder=folder,
        progress=progress,
    )
    inherited, trained = (evaluator(calibrate(each, data)) for each in (inherited_network, trained_network))
    better = trained_network if trained.error < inherited.error else inherited_network
    return Finetuned(network=better, inherited=inherited, trained=trained)


def distil(
    supernet: Supernet,
    architecture: Architecture,
    data: TaskData,
    config: TrainingConfig,
    *,
    supernet_fingerprint: str,
    folder: Path,
    progress: Progress | None = None,
) -> Network:
    """Return the network that :func:`finetune` trains, better or not, not calibrated; the arguments are the same."""
    network = extract(supernet, architecture).train()
    rule = _Distilled(network, supernet, data=data, config=config)
    identity = f"{supernet.space.fingerprint}/{architecture.key}/{supernet_fingerprint}"
    training = Training(network, rule, identity=identity, data=data, config=config, folder=folder, ranks=Ranks())
    return training.fit(progress)


class _Distilled:
    """The rule of a single network: the labels, and the outputs of the supernet's largest network."""

    rate: ClassVar[str] = "finetune.learning_rate"
    precision_start: ClassVar[int] = 0

    def __init__(self, model: Network, supernet: Supernet, *, data: TaskData, config: TrainingConfig) -> None:
        self.model, self.supernet, self.data, self.config = model, supernet, data, config
        self.teacher = supernet.space.largest.in_float()

    def accumulate(self, inputs: Tensor, targets: Tensor, *, step: int) -> Tensor:
        """Add the loss's gradient; returns the loss on the labels and, with weight, on the teacher: ``(1 or 2,)``."""
        config, weight = self.config, self.config.distillation_weight
        with autocast(inputs.device, bf16=config.bf16):
            outputs: Tensor = self.model(inputs)
        outputs = outputs.float() if config.bf16 else outputs
        losses = [self.data.loss(outputs, targets, label_smoothing=config.label_smoothing)]
        if weight > 0:  # the teacher takes longer than a small network's own step
            with torch.no_grad(), autocast(inputs.device, bf16=config.bf16):
                teacher: Tensor = self.supernet(inputs, self.teacher)
            losses.append(self.data.soft_loss(outputs, teacher.float() if config.bf16 else teacher, targets))
        ((1 - weight) * losses[0] + weight * losses[-1]).backward()  # type: ignore[no-untyped-call]
        return torch.stack(losses).detach()

    def named(self, losses: Sequence[float]) -> dict[str, float | None]:
        """Return the loss on the labels and, where it counts, on the teacher."""
        return dict(zip(("labels", "distillation"), losses, strict=False))
