"""Setting examples aside for validation and test where a user gives none: a tenth, stratified by class if there are."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold, train_test_split

from search_space.errors import DataError
from supernet.readers.labels import Label
from supernet.readers.ties import Ties
from supernet.tasks._classification import SPLIT_SEED, stratified
from supernet.tasks._options import Option
from supernet.tasks._stratifying import label_matrix, labels_aside

__all__ = [
    "ASIDE",
    "ASIDE_VALIDATION",
    "GROUPS",
    "TIME",
    "Labelled",
    "all_splits",
    "aside_text",
    "group_folds",
    "groups_aside",
    "set_aside",
    "set_aside_numbers",
]

ASIDE = "a tenth of the rest set aside for validation and test each, stratified by class, seed 0"
ASIDE_VALIDATION = "a tenth of the training examples set aside for validation, stratified by class, seed 0"

GROUPS = Option(
    default="",
    meaning="name of a column of what rows belong to, such as a patient: no group is torn apart by the splits",
)
TIME = Option(
    default="",
    meaning="name of a column of times, numbers or as ISO 8601 writes them: the latest rows are the test, those before "
    "them validation",
)

_FEWEST = 10


def aside_text(predict: str, *, text: str = ASIDE) -> str:
    """Return how splits were made of examples with a class, labels or a number each."""
    by = {"class": ", stratified by class", "labels": ", stratified by label"}.get(predict, "")
    return text.replace(", stratified by class", by)


class Labelled(Protocol):
    """Examples with a label each, as it is written, of which some can be taken."""

    @property
    def labels(self) -> Sequence[Label] | NDArray[Any]:
        """One of each example, ``(n,)``."""

    @property
    def ties(self) -> Ties:
        """What ties examples together."""

    def rows(self, rows: NDArray[np.int64]) -> Self:
        """Return some of the examples."""


_Examples = TypeVar("_Examples", bound=Labelled)


def all_splits(
    given: Mapping[str, _Examples], *, predict: str, where: str, remedy: str
) -> tuple[dict[str, _Examples], str]:
    """Return training, validation and test, and how they were made.

    Of what is ``given``, training at least, the splits that lack are set aside from training, as :func:`set_aside`
    does; labels are classes or numbers, as ``predict`` says. Groups stay whole; where examples have times, the latest
    ones are the test, and those before them validation.
    """
    lacking = [name for name in ("test", "validation") if name not in given]
    found = dict(given)
    for done, name in enumerate(lacking):
        train = found["train"]
        rest, taken = _aside(train, predict=predict, where=where, remedy=remedy, splits=len(lacking) - done)
        found |= {"train": train.rows(rest), name: train.rows(taken)}
    return {name: found[name] for name in ("train", "validation", "test")}, _made(given, lacking, predict)


def _made(given: Mapping[str, Labelled], lacking: Sequence[str], predict: str) -> str:
    ties = given["train"].ties
    if lacking and ties.times:
        taken = ", the latest tenth of the rest for ".join(lacking)
        return f"in the order of time: the latest tenth set aside for {taken}"
    made = aside_text(predict) if lacking else "in files of their own"
    if not ties.groups:
        return made
    torn = sum(len(set(ties.groups) & set(part.ties.groups)) for name, part in given.items() if name != "train")
    return f"{made}, groups kept whole" + (f", but for {torn:,} that stand in files of several splits" if torn else "")


def _aside(
    train: Labelled, *, predict: str, where: str, remedy: str, splits: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    labels, ties = train.labels, train.ties
    if ties.times:
        return _latest(np.array(ties.times), where=where, remedy=remedy)
    if predict == "labels" and not ties.groups:
        return _labels_aside(labels, where=where, remedy=remedy)
    is_class = predict == "class"
    if is_class:
        names, numbers = np.unique(labels, return_inverse=True)
    else:
        names, numbers = np.array(["all"]), np.zeros(len(labels), dtype=np.int64)
    groups = ties.numbers
    if groups is not None:
        return groups_aside(numbers, groups, share=0.1, where=where, names=[str(name) for name in names])
    if is_class:
        return set_aside(numbers, [str(name) for name in names], where=where, remedy=remedy, splits=splits)
    return set_aside_numbers(len(labels), where=where, remedy=remedy)


def _labels_aside(
    labels: Sequence[Any] | NDArray[np.bool_], *, where: str, remedy: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows without a tenth of them, and that tenth, with every label in its share as far as there are."""
    _require(len(labels), where=where, remedy=remedy)
    if isinstance(labels, np.ndarray):
        return labels_aside(labels, share=0.1)
    return labels_aside(label_matrix(labels, sorted({name for some in labels for name in some})), share=0.1)


def _latest(times: NDArray[np.float64], *, where: str, remedy: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows without the latest tenth, and that, without parting examples of one time."""
    ordered = np.sort(times)
    first = ordered[len(times) - max(1, round(0.1 * len(times)))] if len(times) >= _FEWEST else ordered[0]
    taken = np.flatnonzero(times >= first)
    if len(taken) == len(times):
        raise DataError(
            where,
            expected=f"{_FEWEST} examples or more of several times, to set the latest aside",
            got=f"{len(times):,} examples of {len(np.unique(times)):,} times",
            remedy=remedy,
        )
    return np.flatnonzero(times < first), taken


def groups_aside(
    classes: NDArray[np.int64],
    groups: NDArray[np.int64],
    *,
    share: float,
    where: str,
    names: Sequence[str],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows without about a share of them, and those, of whole groups, with classes as even as these allow.

    Parameters
    ----------
    classes, groups
        ``(n,)`` of each example, class numbers (all the same where there are none) and the numbers of its group.
    share
        Of the examples.
    where, names
        Names the source in errors; the classes.

    Raises
    ------
    DataError
        There are too few groups, or all examples of a class lie in one.
    """
    parts = min(round(1 / share), len(np.unique(groups)), int(np.bincount(classes).max()))
    best: tuple[tuple[int, int, float], NDArray[np.int64], NDArray[np.int64]] | None = None
    for rest, taken in group_folds(classes, groups, folds=parts) if parts > 1 else ():
        lost, absent = (len(names) - len(np.unique(classes[rows])) for rows in (rest, taken))
        key = (lost, absent, abs(len(taken) - share * len(classes)))
        if best is None or key < best[0]:
            best = (key, rest, taken)
    if best is None or best[0][0]:
        lacking = None if best is None else names[int(np.setdiff1d(classes, classes[best[1]])[0])]
        raise DataError(
            f"{where}: groups",
            expected="two groups or more of each class to set one aside, and one more for each further split",
            got=f"{len(np.unique(groups)):,} groups" + ("" if lacking is None else f", of {lacking!r} too few"),
            remedy="add groups, or give files for validation and test",
        )
    return best[1], best[2]


def group_folds(
    classes: NDArray[np.int64], groups: NDArray[np.int64], *, folds: int
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Return the rows of the rest and of each of some parts of whole groups, stratified as far as these allow."""
    dealer = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=SPLIT_SEED)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of classes with fewer examples than parts
        dealt = dealer.split(classes, classes, groups)
        return [(np.sort(rest), np.sort(taken)) for rest, taken in dealt]


def set_aside_numbers(count: int, *, where: str, remedy: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows without a tenth of them, and that tenth, of examples with a number each.

    Raises
    ------
    DataError
        There are less than ten.
    """
    _require(count, where=where, remedy=remedy)
    rest, taken = train_test_split(np.arange(count), test_size=round(0.1 * count), random_state=SPLIT_SEED)
    return np.sort(rest), np.sort(taken)


def _require(count: int, *, where: str, remedy: str) -> None:
    if count < _FEWEST:
        raise DataError(where, expected=f"{_FEWEST} examples or more, to set some aside", got=str(count), remedy=remedy)


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
