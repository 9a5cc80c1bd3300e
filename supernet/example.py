"""Random inputs of a network, in place of a task's data."""

from __future__ import annotations

import torch

from search_space import TaskShape

__all__ = ["example_input"]


def example_input(task: TaskShape, *, batch_size: int, generator: torch.Generator) -> torch.Tensor:
    """Return random examples as a network of the task reads them: ids where it has a vocabulary, normal values else.

    No id is padding, so that what is measured is the longest example.
    """
    size = (batch_size, *task.input_shape)
    if task.vocab_size:
        return torch.randint(min(1, task.vocab_size - 1), task.vocab_size, size, generator=generator)
    return torch.randn(size, generator=generator)
