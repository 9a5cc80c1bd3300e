"""A checkpoint as the teacher of a family: trained for the task first, then in parts the start of every network.

What is long to find is kept in a folder: the weights of the teacher, the layers that each depth keeps, and the outputs
on the training split.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from runs.evaluation.rounds import RoundsEvaluator
from runs.lock import exclusive
from search_space import Architecture
from search_space.errors import CheckpointError
from supernet import Network, Supernet
from supernet.tasks import TaskData
from supernet.training import TrainingConfig
from supernet.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from supernet.training.lengths import ByLength, real_lengths
from supernet.training.rounds import Teaching, best_layers, inherit_weights, kept_outputs
from supernet.training.rounds.leaving_out import EXAMPLES
from supernet.training.sampling import training_rows

__all__ = ["Teacher", "judging_steps", "make_teacher", "step_seconds"]

_LESSONS = "lessons.safetensors"
_BATCHES = 8  # whose middle one stands for all
_OPTIMIZER = "adamw"  # a whole checkpoint is finetuned as it was trained


@dataclass(frozen=True, kw_only=True, slots=True)
class Teacher:
    """What the networks of a run begin with and learn from.

    Parameters
    ----------
    supernet
        Its largest network is the teacher.
    layers
        For each depth the places of the layers that a network of that depth begins with.
    teaching
        Its outputs, and how much they count; ``None`` where only labels teach.
    error
        Its validation error, in the task's unit.
    origin
        Names its weights.
    """

    supernet: Supernet
    layers: Mapping[int, tuple[int, ...]]
    teaching: Teaching | None
    error: float
    origin: str


def step_seconds(supernet: Supernet, data: TaskData, config: TrainingConfig, *, device: torch.device) -> float:
    """Return about how long a step of training its largest network takes there: the second of two, with no update.

    They are on one batch, whose examples are as long as those of most batches.
    """
    network = _largest(supernet, supernet.space.largest.in_float()).to(device).train()
    outputs, took = ByLength(network, exact=False), 0.0
    batches = [data.train.batch(training_rows(data, config, step=step)) for step in range(_BATCHES)]
    if data.shape.padded and data.shape.vocab_size:
        batches.sort(key=lambda batch: int(real_lengths(batch[0]).max()))
    inputs, targets = (part.to(device) for part in batches[_BATCHES // 2])
    for _ in range(2):
        began = time.perf_counter()
        torch.autograd.backward(data.loss(outputs(inputs), targets))
        torch.nn.utils.clip_grad_norm_(network.parameters(), config.gradient_clip).item()  # waits for a device
        took = time.perf_counter() - began
    return took


def judging_steps(data: TaskData, config: TrainingConfig, *, depth: int, teaches: bool) -> float:
    """Return about how many steps of training take as long as what is found of a trained teacher.

    These are its validation error, the layers that may go, of which ever fewer are computed, and its outputs where it
    ``teaches``. To compute outputs takes a third of a step, for a backward pass is two forward ones.
    """
    left_out = min(EXAMPLES, len(data.validation)) * (1 + (depth**2 - 1) / 3)
    outputs = len(data.train) if teaches and data.augmentation is None else 0
    return (len(data.validation) + left_out + outputs) / config.batch_size / 3


def make_teacher(
    supernet: Supernet,
    data: TaskData,
    config: TrainingConfig,
    *,
    origin: str,
    folder: Path,
    steps: int,
    taught_steps: int,
    weight: float,
    device: str | torch.device = "cpu",
) -> Teacher:
    """Train a supernet's largest network on the labels and find what others learn from it.

    An interrupted call goes on where it stopped; another process that makes the same teacher is waited for.

    Parameters
    ----------
    supernet
        With the checkpoint's weights; it is given the teacher's.
    data, config, device
        As :class:`runs.evaluation.rounds.RoundsEvaluator` takes them.
    origin
        Names the supernet's weights and all that decides the training.
    folder
        Where everything is kept.
    steps
        Of the teacher; with 0 it is the checkpoint as it is.
    taught_steps
        Of its students at most, as far as is known.
    weight
        Share of a student's loss; with 0 it teaches nothing.

    Raises
    ------
    CheckpointError
        A file of the folder is damaged or of another training.
    NasweaveError
        The training diverges.
    """
    largest = supernet.space.largest.in_float()
    start = partial(_largest, supernet)
    trainer = RoundsEvaluator(
        supernet.space, data, config, folder=folder, start=start, origin=origin, device=device, optimizer=_OPTIMIZER
    )
    with exclusive(folder / ".lock"):
        if steps:
            error = trainer.train(largest, steps=steps).error
            network = trainer.network(largest)
        else:
            network = start(largest).to(trainer.device).eval()
            error = trainer.evaluator(network).error
        outputs, layers = _lessons(
            network, data, config, folder / _LESSONS, origin=origin, steps=taught_steps if weight else 0
        )
    inherit_weights(supernet, network.cpu())
    teaching = Teaching(network=network, weight=weight, outputs=outputs) if weight else None
    return Teacher(supernet=supernet.eval(), layers=layers, teaching=teaching, error=error, origin=origin)


def _largest(supernet: Supernet, architecture: Architecture) -> Network:
    """Return a network of the supernet's first weights, whether its space offers it or not."""
    network = Network(architecture, supernet.space.geometry)
    inherit_weights(network, supernet)
    return network


def _lessons(
    network: Network, data: TaskData, config: TrainingConfig, path: Path, *, origin: str, steps: int
) -> tuple[Tensor | None, Mapping[int, tuple[int, ...]]]:
    """Return the kept outputs and the layers of each depth, those of the file where it has them."""
    depth, wanted = network.architecture.depth, {"steps": steps, "examples": len(data.train)}
    if path.exists():
        stored = load_checkpoint(path)
        stored.check(where=path, space=origin, config=None, data=data.data_hash)
        if dict(stored.config) == wanted:
            return stored.tensors.get("outputs"), _layers(stored.tensors.get("kept"), depth, where=path)
    layers = best_layers(network, data)
    outputs = kept_outputs(network, data, config, steps=steps) if steps else None
    kept = torch.zeros(depth, depth, dtype=torch.uint8)
    for length, places in layers.items():
        kept[length - 1, list(places)] = 1
    tensors = {"kept": kept} if outputs is None else {"kept": kept, "outputs": outputs}
    numerics = {"torch": str(torch.__version__)}
    save_checkpoint(
        path, Checkpoint(step=0, space=origin, data=data.data_hash, config=wanted, numerics=numerics, tensors=tensors)
    )
    return outputs, layers


def _layers(kept: Tensor | None, depth: int, *, where: Path) -> Mapping[int, tuple[int, ...]]:
    """Return for each depth the places of its layers from a row of marks each; raises ``CheckpointError``."""
    rows: list[tuple[int, ...]] = []
    if kept is not None and kept.shape == (depth, depth):
        rows = [tuple(row.nonzero().flatten().tolist()) for row in kept]
    if [len(row) for row in rows] != list(range(1, depth + 1)):
        raise CheckpointError(
            str(where), expected=f"the layers of each depth to {depth}", got="others", remedy="remove the file"
        )
    return {len(row): row for row in rows}
