"""How much dominated volume each candidate would add to a front: exact, for any number of objectives, vectorised.

The volume is cut into slabs along the last objective; inside a slab the gain is that of one objective fewer, and with
two objectives it is a sum of rectangles under the staircase of the front. See Couckuyt, Deschrijver and Dhaene, "Fast
calculation of multiobjective probability of improvement and expected improvement criteria" (2014).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["front_of", "hypervolume_gain"]

Floats = NDArray[np.float64]


def front_of(points: Floats) -> NDArray[np.intp]:
    """Return the non-dominated row indices of ``(n, m)`` minimised points, without duplicates, lexically sorted."""
    if not len(points):
        return np.zeros(0, np.intp)
    _, first = np.unique(points, axis=0, return_index=True)
    rows = points[first]
    if rows.shape[1] == 1:
        return np.asarray(first[:1])
    if rows.shape[1] == 2:
        best = np.minimum.accumulate(rows[:, 1])
        keep = np.r_[True, rows[1:, 1] < best[:-1]]
        return np.asarray(first[keep])
    keep = np.ones(len(rows), bool)
    for i in range(len(rows)):
        if keep[i]:
            keep[i + 1 :] &= (rows[i + 1 :] < rows[i]).any(axis=1)
    return np.asarray(first[keep])


def hypervolume_gain(candidates: Floats, *, front: Floats, reference: Floats) -> Floats:
    """Return ``(n,)``: the hypervolume that each of ``(n, m)`` candidates alone adds to a ``(k, m)`` front.

    All objectives are minimised; ``reference`` is ``(m,)``. Points beyond the reference count for nothing.
    """
    front = front[(front < reference).all(axis=1)]
    front = front[front_of(front)]
    dims = candidates.shape[1]
    if dims == 1:
        ceiling = min(float(reference[0]), float(front.min(initial=np.inf)))
        return np.maximum(ceiling - candidates[:, 0], 0.0)
    if dims == 2:
        edges = np.r_[-np.inf, front[:, 0], reference[0]]
        ceilings = np.r_[reference[1], front[:, 1]]
        widths = np.maximum(edges[1:] - np.maximum(edges[:-1], candidates[:, :1]), 0.0)
        return np.asarray((widths * np.maximum(ceilings - candidates[:, 1:], 0.0)).sum(axis=1))
    front = front[np.argsort(front[:, -1], kind="stable")]
    edges = np.r_[-np.inf, front[:, -1], reference[-1]]
    total = np.zeros(len(candidates))
    for k in range(len(front) + 1):
        height = np.maximum(edges[k + 1] - np.maximum(edges[k], candidates[:, -1]), 0.0)
        inside = height > 0
        if inside.any():
            total[inside] += height[inside] * hypervolume_gain(
                candidates[inside, :-1], front=front[:k, :-1], reference=reference[:-1]
            )
    return total
