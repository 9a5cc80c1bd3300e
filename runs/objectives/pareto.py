"""Pareto fronts: who is on it, how much it covers and where its knee is. All values are minimised.

Papers: While et al. 2012 (A Fast Way of Calculating Exact Hypervolumes, WFG); Das 1999 (On characterizing the knee of
the Pareto curve based on normal-boundary intersection).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["front_rows", "hypervolume", "hypervolume_curve", "knee", "non_dominated"]

Values = NDArray[np.float64]
_CHUNK = 512  # rows compared with each other at once


def non_dominated(values: ArrayLike) -> NDArray[np.bool_]:
    """Return which of the ``(n, m)`` rows no other row dominates; equal rows stand or fall together."""
    unique, inverse = np.unique(_matrix(values), axis=0, return_inverse=True)
    keep = np.zeros(len(unique), bool)
    keep[front_rows(unique)] = True
    return keep[inverse.reshape(-1)]


def front_rows(points: Values) -> NDArray[np.intp]:
    """Return the non-dominated row indices of ``(n, m)`` minimised points, without duplicates, lexically sorted."""
    if not len(points):
        return np.zeros(0, np.intp)
    first = np.lexsort(points.T[::-1])
    rows = points[first]
    new = np.r_[True, (rows[1:] != rows[:-1]).any(axis=1)]
    first, rows = first[new], rows[new]
    if rows.shape[1] == 1:
        return np.asarray(first[:1])
    if rows.shape[1] == 2:
        best = np.minimum.accumulate(rows[:, 1])
        keep = np.r_[True, rows[1:, 1] < best[:-1]]
        return np.asarray(first[keep])
    kept = np.zeros(0, np.intp)
    for start in range(0, len(rows), _CHUNK):  # whoever dominates a row stands before it
        part = np.arange(start, min(start + _CHUNK, len(rows)))
        part = part[~_dominated(rows[part], by=rows[kept])]
        kept = np.r_[kept, part[~_dominated(rows[part], by=rows[part])]]
    return np.asarray(first[kept])


def _dominated(points: Values, *, by: Values) -> NDArray[np.bool_]:
    """Return which of the ``(n, m)`` points a different one of ``by`` is nowhere above."""
    below = np.ones((len(by), len(points)), bool)
    same = np.ones_like(below)
    for a, b in zip(by.T, points.T, strict=True):
        below &= a[:, None] <= b
        same &= a[:, None] == b
    return np.asarray((below & ~same).any(axis=0))


def hypervolume(values: ArrayLike, reference: ArrayLike) -> float:
    """Return the exact volume between the ``(n, m)`` rows and ``reference`` ``(m,)``, 0.0 for none that is below it.

    Two objectives take one sweep; more take WFG's exclusive volumes, which is exponential in the worst case and fast
    for the few hundred points of a front of two to five objectives.
    """
    corner = _reference(values, reference)
    return _volume(_below(_matrix(values), corner), corner)


def hypervolume_curve(values: ArrayLike, reference: ArrayLike) -> Values:
    """Return the hypervolume of the first 1, 2, ..., n rows, ``(n,)``; each row adds its exclusive volume."""
    points, corner = _matrix(values), _reference(values, reference)
    front = np.empty((0, points.shape[1]))
    out, total = np.zeros(len(points)), 0.0
    for i, row in enumerate(points):
        if (row < corner).all() and not (front <= row).all(axis=1).any():
            total += _exclusive(row, front, corner)
            front = np.vstack([front[~(row <= front).all(axis=1)], row])
        out[i] = total
    return out


def knee(values: ArrayLike) -> int:
    """Return the row of ``(n, m)`` farthest below the plane through the extremes of the normalised front.

    The front is scaled to ``[0, 1]`` in every objective; with two objectives its extremes are then (0, 1) and (1, 0),
    and the plane is the line between them. Rows that are not on the front are never the knee. Of equals the first one.
    """
    points = _matrix(values)
    if not len(points):
        raise ValueError("the knee of no points")
    on_front = non_dominated(points)
    low, high = points[on_front].min(axis=0), points[on_front].max(axis=0)
    scaled = (points - low) / np.where(high > low, high - low, 1.0)
    return int(np.argmin(np.where(on_front, scaled.sum(axis=1), np.inf)))


def _matrix(values: ArrayLike) -> Values:
    points = np.asarray(values, np.float64)
    if points.ndim != 2:
        raise ValueError(f"values must be (n, m), not {points.shape}")
    if np.isnan(points).any():
        raise ValueError("values hold NaN")
    return points


def _reference(values: ArrayLike, reference: ArrayLike) -> Values:
    corner, points = np.asarray(reference, np.float64), np.asarray(values)
    if corner.shape != points.shape[1:]:
        raise ValueError(f"reference {corner.shape} of values {points.shape}")
    return corner


def _below(points: Values, corner: Values) -> Values:
    points = points[(points < corner).all(axis=1)]
    return np.unique(points[non_dominated(points)], axis=0)


def _volume(front: Values, corner: Values) -> float:
    """Volume of a non-dominated set without duplicates, in lexicographic order, all of it below the corner."""
    if not len(front):
        return 0.0
    if len(corner) == 1:
        return float(corner[0] - front[:, 0].min())
    if len(corner) == 2:
        previous = np.r_[corner[1], front[:-1, 1]]
        return float(((corner[0] - front[:, 0]) * (previous - front[:, 1])).sum())
    return sum(_exclusive(row, front[i + 1 :], corner) for i, row in enumerate(front))


def _exclusive(row: Values, others: Values, corner: Values) -> float:
    """Volume that ``row`` covers and none of ``others`` does."""
    limited = np.maximum(others, row)
    return float(np.prod(corner - row)) - _volume(_below(limited, corner), corner)
