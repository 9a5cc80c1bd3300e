"""The training of a supernet: sandwich steps over fair draws of its subnets.

Papers: Yu & Huang 2019 (sandwich rule); Cai et al. 2020 (Once-for-All: the largest first).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from search_space import SearchSpace
from search_space.errors import CheckpointError
from supernet.model import Supernet
from supernet.tasks import TaskData
from supernet.training.checkpoint import FILE, load_checkpoint
from supernet.training.config import TrainingConfig
from supernet.training.distributed import process_group
from supernet.training.sampling import initial_generator, subnets
from supernet.training.sandwich import accumulate_gradients
from supernet.training.state import Progress, Training, restore_weights

__all__ = ["Sandwich", "load_trained", "train"]


def train(
    space: SearchSpace,
    data: TaskData,
    config: TrainingConfig,
    *,
    folder: Path,
    device: str = "cpu",
    start: Callable[[Supernet], object] | None = None,
    progress: Progress | None = None,
) -> Supernet:
    """Train the supernet of a space and return it with averaged weights, in evaluation mode.

    With the same version of PyTorch, device and numbers of threads and processes the result is a function of space,
    data, configuration and start. An interrupted training continues from its last checkpoint in ``folder``, under the
    same conditions bit for bit (else a warning is logged); a finished one is loaded. Under ``torchrun`` the processes
    share each batch.

    Parameters
    ----------
    folder
        Where ``checkpoint.safetensors`` and ``training.jsonl`` (a line a step) are kept.
    device
        Where to compute.
    start
        Changes the initial weights, say to those of a pretrained network; ``folder`` belongs to one start.
    progress
        Called after each step with the steps done, all steps and the loss.

    Raises
    ------
    CheckpointError
        For a checkpoint in ``folder`` that is damaged or of another space, data set or configuration.
    NasweaveError
        When the loss or its gradient is not finite; the last checkpoint stays.
    """
    supernet = Supernet(space, generator=initial_generator(seed=config.seed))
    if start is not None:
        start(supernet)
    supernet = supernet.to(device).train()
    rule = Sandwich(supernet, data=data, config=config)
    with process_group() as ranks:
        training = Training(
            supernet, rule, identity=space.fingerprint, data=data, config=config, folder=folder, ranks=ranks
        )
        trained = training.fit(progress)
    trained.space = space
    return trained


def load_trained(space: SearchSpace, folder: Path) -> Supernet:
    """Return the supernet that :func:`train` finished in ``folder``; raises ``CheckpointError`` for anything else."""
    path = folder / FILE
    checkpoint = load_checkpoint(path)
    checkpoint.check(where=path, space=space.fingerprint, config=None, data=None)
    if not checkpoint.finished:
        raise CheckpointError(
            str(path),
            expected=f"a training of {checkpoint.config['steps']} steps",
            got=f"{checkpoint.step} steps",
            remedy="finish the training",
        )
    supernet = Supernet(space, generator=torch.Generator())
    restore_weights(supernet, checkpoint.tensors, prefix="averaged/", where=path)
    return supernet.eval()


class Sandwich:
    """The rule of a supernet: the largest subnet on the labels, the others on the labels and on the largest."""

    rate: ClassVar[str] = "training.learning_rate"

    def __init__(self, model: Supernet, *, data: TaskData, config: TrainingConfig) -> None:
        self.model, self.data, self.config = model, data, config
        self.precision_start = config.precision_start

    def accumulate(self, inputs: Tensor, targets: Tensor, *, step: int) -> Tensor:
        """Add the gradient of the mean loss over the step's subnets; returns the loss of each."""
        drawn = subnets(self.model.space, self.config, step=step)
        return accumulate_gradients(
            self.model, data=self.data, inputs=inputs, targets=targets, subnets=drawn, config=self.config
        )

    def named(self, losses: Sequence[float]) -> dict[str, float | None]:
        """Return the losses of the largest, the smallest and, as a mean, of the random subnets."""
        largest, *students = losses
        smallest, random = (students[0], students[1:]) if students else (None, [])
        return {
            "largest": largest,
            "smallest": smallest,
            "random": math.fsum(random) / len(random) if random else None,
        }
