"""Dealing examples with several labels to parts so that each part has its share of every label.

Paper: Sechidis, Tsoumakas and Vlahavas 2011, On the Stratification of Multi-Label Data (iterative stratification).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from supernet.tasks._classification import SPLIT_SEED

__all__ = ["label_matrix", "labels_aside", "stratified_parts"]


def label_matrix(labels: Sequence[Sequence[str]], names: Sequence[str]) -> NDArray[np.bool_]:
    """Return which example has which of the named labels, ``(n, K)``."""
    number = {name: i for i, name in enumerate(names)}
    has = np.zeros((len(labels), len(names)), dtype=np.bool_)
    for row, some in zip(has, labels, strict=True):
        row[[number[name] for name in some]] = True
    return has


def stratified_parts(has: NDArray[np.bool_], shares: Sequence[float]) -> NDArray[np.int64]:
    """Return the part of each example, ``(n,)``, drawn under a fixed seed.

    Parameters
    ----------
    has
        ``(n, K)``, which example has which label.
    shares
        Of the examples, of each part; they add up to one.
    """
    rng = np.random.default_rng(SPLIT_SEED)
    order = rng.permutation(len(has))
    there, part = has[order], np.full(len(has), -1, dtype=np.int64)
    wanted = np.array(shares) * len(has)  # examples that each part still wants
    wanted_of = np.outer(there.sum(0), shares)  # and of each label
    left = there.sum(0)  # examples of each label that no part has yet
    while left.any():
        label = int(np.where(left > 0, left, len(has) + 1).argmin())  # the rarest first, while there is a choice
        for i in np.flatnonzero((part < 0) & there[:, label]):
            part[i] = np.lexsort((wanted, wanted_of[label]))[-1]
            wanted[part[i]] -= 1
            wanted_of[there[i], part[i]] -= 1
            left -= there[i]
    for i in np.flatnonzero(part < 0):  # those without a label
        part[i] = wanted.argmax()
        wanted[part[i]] -= 1
    found = np.empty_like(part)
    found[order] = part
    return found


def labels_aside(has: NDArray[np.bool_], *, share: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows without a share of them, and those, in order; no label is there alone."""
    part = stratified_parts(has, (1 - share, share))
    for label in np.flatnonzero(has.any(0) & ~has[part == 0].any(0)):
        part[np.flatnonzero(has[:, label])[0]] = 0
    return np.flatnonzero(part == 0), np.flatnonzero(part == 1)
