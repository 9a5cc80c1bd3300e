"""What metrics of classes and of labels share: how often classes are there and found, and what an answer weighs.

They are counted here, for scikit-learn's functions, to which the tests hold them, take some ten milliseconds each, and
a standard error needs twenty of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["Counts", "fewest_classes", "least_of_class", "least_of_share", "present"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Counts:
    """How often each class or label that occurs is there, is found, and is answered, ``(K,)``."""

    there: Tensor
    found: Tensor
    answered: Tensor

    @classmethod
    def of(cls, outputs: Tensor, targets: Tensor) -> Counts:
        """Count the answers of scores ``(n, K)`` for classes ``(n,)``, or for labels ``(n, K)`` of 0 and 1."""
        classes = outputs.shape[-1]
        if targets.ndim == outputs.ndim:
            answers = outputs > 0
            counted = [part.sum(0) for part in (targets, answers & targets.bool(), answers)]
        else:
            named = outputs.argmax(-1)
            right = targets[named == targets]
            counted = [part.bincount(minlength=classes) for part in (targets, right, named)]
        there, found, answered = (count[counted[0] > 0].double() for count in counted)
        return cls(there=there, found=found, answered=answered)


def _frequencies(targets: Tensor) -> Tensor:
    """Return how many examples each class of ``(n,)``, or each label of ``(n, K)``, has, ``(K,)``."""
    return targets.sum(0, dtype=torch.int64) if targets.ndim == 2 else targets.bincount()


def present(targets: Tensor) -> NDArray[np.int64]:
    """Return the classes that some example has, in order: means over classes are over these."""
    return np.flatnonzero(_frequencies(targets).numpy())


def least_of_share(targets: Tensor) -> float:
    """Return the weight of one answer in a share of right ones."""
    return 1.0 / len(targets)


def least_of_class(targets: Tensor) -> float:
    """Return the weight of one answer of the rarest class in a mean over classes."""
    counts = _frequencies(targets)
    counts = counts[counts > 0]
    return 1.0 / (len(counts) * int(counts.min()))


def fewest_classes(targets: Tensor, outputs: int) -> str | None:
    """Return why a mean over classes, or over labels, says nothing: all examples are of one, or have none."""
    if targets.ndim == 2:
        return None if targets.any() else "has no example with a label"
    return None if len(present(targets)) > 1 else "has examples of one class alone"
