"""What a network has for weights before its first step: random ones, or those of a checkpoint's layers."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from runs.evaluation.rounds import Start, random_start
from runs.evaluation.teacher import Teacher
from runs.pipeline.context import Context
from search_space import Architecture
from supernet import Network, Supernet, extract
from supernet.pretrained import Pretrained
from supernet.tasks import TaskData

__all__ = ["begin_with_checkpoint", "examples_of", "start_of"]

_EXAMPLES, _FEWEST, _TOKENS = 256, 16, 8192


@dataclass(frozen=True, slots=True)
class _PartOfTeacher:
    """Cuts the network of an architecture out of what a checkpoint became, from the layers that its depth keeps."""

    teacher: Teacher

    def __call__(self, architecture: Architecture) -> Network:
        return extract(self.teacher.supernet, architecture, layers=self.teacher.layers[architecture.depth])


def examples_of(data: TaskData) -> Tensor:
    """Return a few inputs of training, spread evenly, on which a checkpoint's parts show how important they are."""
    count = min(len(data.train), max(_FEWEST, min(_EXAMPLES, _TOKENS // data.shape.seq_len)))
    return data.train.batch(torch.linspace(0, len(data.train) - 1, count).round().long())[0]


def begin_with_checkpoint(context: Context, checkpoint: Pretrained, supernet: Supernet) -> None:
    """Give a supernet the weights of a checkpoint, in the order that suits the run's data."""
    labels = context.data.meaning.get("labels", ())
    checkpoint.initialise(supernet, examples=examples_of(context.data), labels=labels)


def start_of(context: Context, teacher: Teacher | None) -> tuple[Start, str]:
    """Return what gives a network of the run its first weights, and a name of these weights."""
    if teacher is None:
        seed = context.config.training.seed
        return random_start(context.space, seed=seed), f"random {seed}"
    return _PartOfTeacher(teacher), teacher.origin
