"""What the exported network answers, class by class or label by label."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Answered", "ClassResults", "LabelResults"]


class Answered(ABC):
    """How often each of some classes or labels is there, is found and is answered on the test split."""

    __slots__ = ()

    key: str
    labels: tuple[str, ...]
    what: str

    @property
    @abstractmethod
    def support(self) -> NDArray[np.int64]:
        """How many examples each class has, ``(K,)``."""

    @property
    @abstractmethod
    def found(self) -> NDArray[np.int64]:
        """How many of them were found, ``(K,)``."""

    @property
    @abstractmethod
    def answered(self) -> NDArray[np.int64]:
        """How many examples were taken for each class, ``(K,)``."""

    @property
    def precision(self) -> NDArray[np.float64]:
        """The share of right answers among those that named a class, ``(K,)``; not a number where none did."""
        return _share(self.found, self.answered)

    @property
    def recall(self) -> NDArray[np.float64]:
        """The share of a class's examples that was found, ``(K,)``; not a number for a class without any."""
        return _share(self.found, self.support)

    @property
    def f1(self) -> NDArray[np.float64]:
        """The harmonic mean of precision and recall, ``(K,)``."""
        return _share(2 * self.found, self.support + self.answered)

    @property
    def missed(self) -> tuple[tuple[str, int], ...]:
        """The classes of which not one example was found, with how many there are."""
        missed = np.flatnonzero((self.support > 0) & (self.found == 0))
        return tuple((self.labels[c], int(self.support[c])) for c in missed)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LabelResults(Answered):
    """The answers of one network where an example has any of several labels.

    Parameters
    ----------
    key
        Of the network.
    labels
        Their names.
    counts
        How many test examples have a label, are given it rightly, and are given it at all, ``(3, K)``.
    what
        What is counted.
    """

    key: str
    labels: tuple[str, ...]
    counts: NDArray[np.int64]
    what: str = "examples"

    def __post_init__(self) -> None:
        if self.counts.shape != (3, len(self.labels)):
            raise ValueError(f"counts of {self.counts.shape} for {len(self.labels)} labels")

    @property
    def support(self) -> NDArray[np.int64]:
        """How many examples have each label, ``(K,)``."""
        counts: NDArray[np.int64] = self.counts[0]
        return counts

    @property
    def found(self) -> NDArray[np.int64]:
        """How many of them are given it, ``(K,)``."""
        counts: NDArray[np.int64] = self.counts[1]
        return counts

    @property
    def answered(self) -> NDArray[np.int64]:
        """How many examples are given each label, ``(K,)``."""
        counts: NDArray[np.int64] = self.counts[2]
        return counts


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ClassResults(Answered):
    """The answers of one network where an example has one class.

    Parameters
    ----------
    key
        Of the network.
    labels
        Names of the classes, or their numbers.
    confusion
        How many examples of a class (row) were taken for which (column), ``(K, K)``.
    what
        What is counted: examples, or the words of all.
    """

    key: str
    labels: tuple[str, ...]
    confusion: NDArray[np.int64]
    what: str = "examples"

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
    def answered(self) -> NDArray[np.int64]:
        """How many examples were taken for each class, ``(K,)``."""
        counts: NDArray[np.int64] = self.confusion.sum(0)
        return counts

    @property
    def accuracy(self) -> float:
        """The share of right answers."""
        return float(self.found.sum() / self.confusion.sum())

    @property
    def majority(self) -> tuple[str, float]:
        """The most frequent class, and the accuracy of always answering it."""
        most = int(self.support.argmax())
        return self.labels[most], float(self.support[most] / self.confusion.sum())


def _share(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    shares: NDArray[np.float64] = np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
    return shares
