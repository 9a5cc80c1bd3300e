"""Points that are far apart from each other: the design of first networks, and the order in which blocks are measured.

Paper: Gonzalez 1985 (clustering to minimize the maximum intercluster distance: the farthest point first).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["farthest_first", "standardised"]


def standardised(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return points ``(k, d)`` with mean 0 and deviation 1 in each column that varies."""
    scale = points.std(axis=0)
    return np.asarray((points - points.mean(axis=0)) / np.where(scale > 0, scale, 1.0))


def farthest_first(
    points: NDArray[np.float64], n: int, *, first: int | None = None, apart_from: NDArray[np.float64] | None = None
) -> NDArray[np.intp]:
    """Return up to ``n`` indices of ``(k, d)`` points, each the farthest from those before it and from ``apart_from``.

    Parameters
    ----------
    first
        The index that comes first where there is nothing to be apart from. Default: the point nearest to zero, which is
        the most central one of :func:`standardised` points.
    apart_from
        ``(j, d)`` points that are there already.
    """
    if first is None:
        first = int(np.argmin((points**2).sum(axis=1))) if len(points) else 0
    picked: list[int] = []
    distance = np.full(len(points), np.inf)
    for point in () if apart_from is None else apart_from:
        distance = np.minimum(distance, ((points - point) ** 2).sum(axis=1))
    while len(picked) < min(n, len(points)):
        index = int(np.argmax(distance)) if np.isfinite(distance).all() else first
        picked.append(index)
        distance = np.minimum(distance, ((points - points[index]) ** 2).sum(axis=1))
        distance[index] = -1.0
    return np.array(picked, np.intp)
