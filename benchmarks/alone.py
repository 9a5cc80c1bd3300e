"""Networks trained alone, from random weights: what a supernet's ranking and its inherited weights are compared with.

Each is a job of one thread in a pool of processes, resumes from its checkpoint, and leaves its result in a file.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, replace
from multiprocessing import get_context
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from benchmarks.open_run import open_run
from hardware_profiles.atomic import write_atomically
from search_space import Architecture, SearchSpace
from supernet import Network
from supernet.elastic import reset_parameters
from supernet.tasks import TaskData
from supernet.training import Evaluator, Quality, TrainingConfig
from supernet.training.distributed import process_group
from supernet.training.mixed_precision import autocast
from supernet.training.sampling import initial_generator
from supernet.training.state import Training

__all__ = ["Labels", "alone_config", "fresh_network", "qualities_alone"]


class Labels:
    """The rule of a network trained alone: the loss on the labels."""

    rate: ClassVar[str] = "training.learning_rate"
    precision_start: ClassVar[int] = 0

    def __init__(self, model: Network, *, data: TaskData, config: TrainingConfig) -> None:
        self.model, self.data, self.config = model, data, config

    def accumulate(self, inputs: Tensor, targets: Tensor, *, step: int) -> Tensor:
        """Add the gradient of the loss; returns it, ``(1,)``."""
        with autocast(inputs.device, bf16=self.config.bf16):
            outputs: Tensor = self.model(inputs)
        loss = self.data.loss(outputs.float(), targets, label_smoothing=self.config.label_smoothing)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()[None]

    def named(self, losses: Sequence[float]) -> dict[str, float | None]:
        """Return the loss."""
        return {"labels": losses[0]}


def alone_config(config: TrainingConfig, *, steps: int) -> TrainingConfig:
    """Return a supernet's hyperparameters for so many steps of one network; its rules have no meaning then."""
    return replace(
        config,
        steps=steps,
        num_random=0,
        teacher_phase=0.0,
        opening_phase=0.0,
        precision_phase=0.0,
        distillation_weight=0.0,
        split_batch=False,
        fair=True,
        uniform_every=0,
        rotate_teacher=False,
    )


def fresh_network(architecture: Architecture, space: SearchSpace, config: TrainingConfig) -> Network:
    """Return a network of random weights, in training mode."""
    network = Network(architecture, space.geometry)
    reset_parameters(network, initial_generator(seed=config.seed))
    return network.train()


def _train(overrides: Sequence[str], text: str, steps: int, folder: Path) -> Quality:
    torch.set_num_threads(1)
    context = open_run(overrides)
    architecture, data = Architecture.from_json(text), context.data
    config = alone_config(context.config.training, steps=steps)
    network = fresh_network(architecture, context.space, config)
    identity = f"alone/{context.space.fingerprint}/{architecture.key}"
    with process_group() as ranks:
        training = Training(
            network,
            Labels(network, data=data, config=config),
            identity=identity,
            data=data,
            config=config,
            folder=folder,
            ranks=ranks,
        )
        trained = training.fit(None)
    return Evaluator(data, split=data.validation)(trained)


def qualities_alone(
    overrides: Sequence[str], architectures: Sequence[Architecture], *, steps: int, folder: Path, processes: int
) -> dict[str, Quality]:
    """Return the validation quality of every architecture trained alone, by key; what is done is not done again.

    Parameters
    ----------
    overrides
        Of the run whose task, space and training hyperparameters are used.
    folder
        Where checkpoints and results are kept, a folder for each combination of configuration and network.
    """
    context = open_run(overrides)
    config = alone_config(context.config.training, steps=steps)
    place = folder / context.space.fingerprint / f"{context.data.data_hash}-{config.hash}"
    found, missing = {}, []
    for architecture in architectures:
        file = place / architecture.key / "quality.json"
        if file.exists():
            found[architecture.key] = Quality(**json.loads(file.read_text()))
        else:
            missing.append(architecture)
    # The longest first, so that no process is left alone with one in the end.
    missing.sort(key=lambda a: -context.costs.flops(context.space.encode([a]))[0])
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        jobs = {pool.submit(_train, overrides, a.to_json(), steps, place / a.key): (a, place / a.key) for a in missing}
        for done, job in enumerate(as_completed(jobs), 1):
            (architecture, where), quality = jobs[job], job.result()
            write_atomically(where / "quality.json", (json.dumps(asdict(quality)) + "\n").encode())
            found[architecture.key] = quality
            print(f"alone {done}/{len(missing)}: {quality.error:.4g}  {architecture}", file=sys.stderr, flush=True)
    return found
