"""What simple models are given: numbers, counts of tokens, categories apart; in parts that memory holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from supernet.tasks import Split, TaskData

__all__ = ["NUMBERS", "Features", "chosen_rows", "counts", "examples_of", "features_of", "numbers", "parts"]

NUMBERS = 8_000_000
"""In the examples that a model is fitted to, at most: some seconds of fitting."""

_EXAMPLES = 20_000  # of training that a model is fitted to, at most
_AT_ONCE = 8_000_000  # numbers that a model is given together, to predict

Features = Callable[[TaskData, Split, torch.Tensor], Any]
"""From a task, one of its splits and the rows of some examples to a matrix of a row each."""


def features_of(data: TaskData) -> Features:
    """Return what makes features of the inputs of a task."""
    return counts if data.shape.vocab_size else numbers


def examples_of(data: TaskData) -> int:
    """Return how many examples of training a model of whole examples is fitted to."""
    examples = min(len(data.train), _EXAMPLES)
    if data.shape.vocab_size:
        return examples  # few of the counts are not zero
    return min(examples, max(1, NUMBERS // int(np.prod(data.shape.input_shape))))


def chosen_rows(split: Split, examples: int) -> torch.Tensor:
    """Return examples spread evenly over a split, which may be sorted."""
    return torch.linspace(0, len(split) - 1, examples, dtype=torch.float64).round().long()


def parts(data: TaskData, split: Split) -> list[torch.Tensor]:
    """Return the rows of a split in parts that memory holds: windows of a series overlap, and pictures are bytes."""
    size = max(1, _AT_ONCE // int(np.prod(data.shape.input_shape)))
    return [torch.arange(first, min(first + size, len(split))) for first in range(0, len(split), size)]


def numbers(data: TaskData, split: Split, rows: torch.Tensor) -> NDArray[np.float32]:
    """Return the inputs of some examples as they are, ``(n, numbers)``; of categories, a one in the place of each."""
    inputs: NDArray[np.float32] = split.batch(rows)[0].flatten(1).numpy()
    codes = data.shape.categories
    if not any(codes):
        return inputs
    columns = [
        inputs[:, [i]] if not n else (inputs[:, [i]] == np.arange(n)).astype(np.float32) for i, n in enumerate(codes)
    ]
    return np.concatenate(columns, axis=1)


def counts(data: TaskData, split: Split, rows: torch.Tensor) -> csr_matrix:
    """Return how often each token stands in each example; 0 is padding."""
    ids = split.batch(rows)[0].flatten(1).numpy()
    texts, tokens = np.repeat(np.arange(len(ids)), ids.shape[1])[ids.ravel() != 0], ids.ravel()[ids.ravel() != 0]
    return csr_matrix((np.ones(len(texts)), (texts, tokens)), shape=(len(ids), data.shape.vocab_size))
