"""What the exported network answers, class by class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["ClassResults"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ClassResults:
    """The answers of one network on the test split.

    Parameters
    ----------
    key
        Of the network.
    labels
        Names of the classes, or their numbers.
    confusion
        How many examples of a class (row) were taken for which (column), ``(K, K)``.
    """

    key: str
    labels: tuple[str, ...]
    confusion: NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.confusion.shape != (len(self.labels), len(self.labels)):
            raise ValueError(f"a matrix of {self.confusion.shape} for {len(self.labels)} classes")
        if not self.confusion.sum() > 0:
            raise ValueError("a matrix of no answers")

    @property
    def support(self) -> NDArray[np.int64]:
        """How many examples each class has, ``(K,)``."""
        counts: NDArray[np.int64] = self.confusion.sum(1)
        return counts

    @property
    def found(self) -> NDArray[np.int64]:
        """How many of them were found, ``(K,)``."""
        return self.confusion.diagonal()

    @property
    def precision(self) -> NDArray[np.float64]:
        """The share of right answers among those that named a class, ``(K,)``; not a number where none did."""
        return _share(self.found, self.confusion.sum(0))

    @property
    def recall(self) -> NDArray[np.float64]:
        """The share of a class's examples that was found, ``(K,)``; not a number for a class without any."""
        return _share(self.found, self.support)

    @property
    def f1(self) -> NDArray[np.float64]:
        """The harmonic mean of precision and recall, ``(K,)``."""
        return _share(2 * self.found, self.support + self.confusion.sum(0))

    @property
    def accuracy(self) -> float:
        """The share of right answers."""
        return float(self.found.sum() / self.confusion.sum())

    @property
    def majority(self) -> tuple[str, float]:
        """The most frequent class, and the accuracy of always answering it."""
        most = int(self.support.argmax())
        return self.labels[most], float(self.support[most] / self.confusion.sum())

    @property
    def missed(self) -> tuple[tuple[str, int], ...]:
        """The classes of which not one example was found, with how many there are."""
        missed = np.flatnonzero((self.support > 0) & (self.found == 0))
        return tuple((self.labels[c], int(self.support[c])) for c in missed)


def _share(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    shares: NDArray[np.float64] = np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
    return shares
