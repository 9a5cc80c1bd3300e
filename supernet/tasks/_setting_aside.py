"""Setting examples aside for validation and test where a user gives none: a tenth, stratified by class if there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from search_space.errors import DataError
from supernet.tasks._classification import SPLIT_SEED, stratified

__all__ = ["ASIDE", "ASIDE_VALIDATION", "Labelled", "all_splits", "aside_text", "set_aside", "set_aside_numbers"]

ASIDE = "a tenth of the rest set aside for validation and test each, stratified by class, seed 0"
ASIDE_VALIDATION = "a tenth of the training examples set aside for validation, stratified by class, seed 0"

_FEWEST = 10


def aside_text(predict: str, *, text: str = ASIDE) -> str:
    """Return how splits were made of examples with a class or a number each."""
    return text if predict == "class" else text.replace(", stratified by class", "")


class Labelled(Protocol):
    """Examples with a label each, as it is written, of which some can be taken."""

    @property
    def labels(self) -> Sequence[str]:
        """One of each example."""

    def rows(self, rows: NDArray[np.int64]) -> Self:
        """Return some of the examples."""


_Examples = TypeVar("_Examples", bound=Labelled)


def all_splits(
    given: Mapping[str, _Examples], *, predict: str, where: str, remedy: str
) -> tuple[dict[str, _Examples], str]:
    """Return training, validation and test, and how they were made.

    Of what is ``given``, training at least, the splits that lack are set aside from training, as :func:`set_aside`
    does; labels are classes or numbers, as ``predict`` says.
    """
    lacking = [name for name in ("test", "validation") if name not in given]
    found = dict(given)
    for done, name in enumerate(lacking):
        train = found["train"]
        rest, taken = _labels_aside(
            train.labels, predict=predict, where=where, remedy=remedy, splits=len(lacking) - done
        )
        found |= {"train": train.rows(rest), name: train.rows(taken)}
    made = aside_text(predict) if lacking else "in files of their own"
    return {name: found[name] for name in ("train", "validation", "test")}, made


def _labels_aside(
    labels: Sequence[str], *, predict: str, where: str, remedy: str, splits: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    if predict != "class":
        return set_aside_numbers(len(labels), where=where, remedy=remedy)
    names, numbers = np.unique(labels, return_inverse=True)
    return set_aside(numbers, names.tolist(), where=where, remedy=remedy, splits=splits)


def set_aside_numbers(count: int, *, where: str, remedy: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows without a tenth of them, and that tenth, of examples with a number each.

    Raises
    ------
    DataError
        There are less than ten.
    """
    if count < _FEWEST:
        raise DataError(where, expected=f"{_FEWEST} examples or more, to set some aside", got=str(count), remedy=remedy)
    rest, taken = train_test_split(np.arange(count), test_size=round(0.1 * count), random_state=SPLIT_SEED)
    return np.sort(rest), np.sort(taken)


def set_aside(
    labels: NDArray[np.int64], names: list[str], *, where: str, remedy: str, splits: int = 2
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows without a tenth of them, and that tenth, which has every class.

    Parameters
    ----------
    labels
        ``(n,)``, class numbers.
    names
        Of the classes.
    where, remedy
        As of the error.
    splits
        How many splits are to be set aside in all, so that each class needs one example more than that.

    Raises
    ------
    DataError
        A class has too few examples, or there are too few in all.
    """
    counts = np.bincount(labels, minlength=len(names))
    size = max(round(0.1 * len(labels)), len(names))
    if len(names) < 2 or counts.min() < splits + 1 or len(labels) - size < len(names):
        rarest = int(counts.argmin())
        raise DataError(
            where,
            expected=f"two classes or more with {splits + 1} examples each, to set some aside",
            got=f"{len(labels):,} examples, {counts[rarest]} of {names[rarest]!r}",
            remedy=remedy,
        )
    return stratified(labels, size=size)
