"""Setting examples aside for validation and test where a user gives none: a tenth, stratified by class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from search_space.errors import DataError
from supernet.tasks._classification import stratified

__all__ = ["ASIDE", "ASIDE_VALIDATION", "set_aside"]

ASIDE = "a tenth of the rest set aside for validation and test each, stratified by class, seed 0"
ASIDE_VALIDATION = "a tenth of the training examples set aside for validation, stratified by class, seed 0"


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
