"""What metrics of classes share: how often classes are there and found, and what an answer weighs.

They are counted here, for scikit-learn's functions, to which the tests hold them, take some ten milliseconds each, and
a standard error needs twenty of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["Counts", "fewest_classes", "least_of_class", "least_of_share", "present"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Counts:
    """How often each class that occurs is there, is found, and is answered, ``(classes,)``."""

    there: Tensor
    found: Tensor
    answered: Tensor

    @classmethod
    def of(cls, outputs: Tensor, targets: Tensor) -> Counts:
        """Count the answers of scores ``(n, K)`` for classes ``(n,)``."""
        answers, classes = outputs.argmax(-1), outputs.shape[-1]
        there = targets.bincount(minlength=classes)
        occurs = there > 0
        found = targets[answers == targets].bincount(minlength=classes)
        answered = answers.bincount(minlength=classes)
        return cls(there=there[occurs].double(), found=found[occurs].double(), answered=answered[occurs].double())


def present(targets: Tensor) -> NDArray[np.int64]:
    """Return the classes that some example has, in order: means over classes are over these."""
    return np.unique(targets.numpy())


def least_of_share(targets: Tensor) -> float:
    """Return the weight of one answer in a share of right ones."""
    return 1.0 / len(targets)


def least_of_class(targets: Tensor) -> float:
    """Return the weight of one answer of the rarest class in a mean over classes."""
    counts = targets.bincount()
    counts = counts[counts > 0]
    return 1.0 / (len(counts) * int(counts.min()))


def fewest_classes(targets: Tensor, outputs: int) -> str | None:
    """Return why a mean over classes says nothing: all examples are of one."""
    return None if len(present(targets)) > 1 else "has examples of one class alone"
