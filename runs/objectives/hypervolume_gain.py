"""How much dominated volume a candidate adds to a front, exact or expected, for any number of objectives.

What a front leaves undominated below the reference is cut into boxes. The gain of a point is the sum of what it covers
of each box; a box is covered by a product of lengths, so for independent normal predictions the expected gain is a sum
of products of one-dimensional expectations, in closed form. With two objectives there is one box more than points, with
three about twice as many.

Papers: Couckuyt, Deschrijver and Dhaene, "Fast calculation of multiobjective probability of improvement and expected
improvement criteria" (2014); Yang et al., "Efficient computation of expected hypervolume improvement using box
decomposition algorithms" (2019).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from runs.objectives.pareto import front_rows

__all__ = ["Floats", "expected_gain", "free_boxes", "hypervolume_gain"]

Floats = NDArray[np.float64]
_Cell = tuple[tuple[float, float], ...]


def free_boxes(front: Floats, *, reference: Floats) -> tuple[Floats, Floats]:
    """Return the lower and upper corners ``(boxes, m)`` of disjoint boxes that fill what nothing dominates.

    Lower corners can be minus infinity. ``front`` is ``(k, m)``, any points; ``reference`` is ``(m,)``.
    """
    front = front[(front < reference).all(axis=1)]
    front = front[front_rows(front)]
    cells = np.array(_cells(front, tuple(reference.tolist())))
    return cells[:, :, 0], cells[:, :, 1]


def _cells(points: Floats, reference: tuple[float, ...]) -> list[_Cell]:
    """Cut what a front does not dominate; ``points`` are non-dominated and lexically sorted.

    Sweep along the last objective: a cell of the objectives before it lasts until a point changes it.
    """
    if len(reference) == 1:
        return [((-np.inf, float(points.min(initial=reference[0]))),)]
    if len(reference) == 2:  # strips under the staircase
        x, y = points.T.tolist()
        return [
            ((left, right), (-np.inf, ceiling))
            for left, right, ceiling in zip([-np.inf, *x], [*x, reference[0]], [reference[1], *y], strict=True)
        ]
    points = points[np.argsort(points[:, -1], kind="stable")]
    rest, cells = reference[:-1], []
    began: dict[_Cell, float] = dict.fromkeys(_cells(points[:0, :-1], rest), -np.inf)
    for k, height in enumerate(points[:, -1].tolist()):
        below = points[: k + 1, :-1]
        below = below[front_rows(below)]
        now = _cells(below, rest)
        kept = set(now)
        cells += [(*cell, (start, height)) for cell, start in began.items() if cell not in kept and start < height]
        began = {cell: began.get(cell, height) for cell in now}
    return cells + [(*cell, (start, reference[-1])) for cell, start in began.items()]


def hypervolume_gain(candidates: Floats, *, front: Floats, reference: Floats) -> Floats:
    """Return ``(n,)``: the hypervolume that each of ``(n, m)`` candidates alone adds to a ``(k, m)`` front.

    All objectives are minimised; ``reference`` is ``(m,)``. Points beyond the reference count for nothing.
    """
    return expected_gain(candidates, np.zeros_like(candidates), boxes=free_boxes(front, reference=reference))


def expected_gain(mean: Floats, std: Floats, *, boxes: tuple[Floats, Floats]) -> Floats:
    """Return ``(n,)``: the expected hypervolume gain of independent normal predictions.

    Parameters
    ----------
    mean, std
        ``(n, m)``; a deviation of 0 is a value that is known.
    boxes
        What :func:`free_boxes` returned.
    """
    lower, upper = boxes
    product = np.ones((len(mean), len(lower)))
    for j in range(mean.shape[1]):
        edges, where = np.unique(np.concatenate([lower[:, j], upper[:, j]]), return_inverse=True)
        below = _expected_excess(edges, mean[:, j], std[:, j])
        product *= below[:, where[len(lower) :]] - below[:, where[: len(lower)]]
    return np.asarray(product.sum(axis=1))


def _expected_excess(edges: Floats, mean: Floats, std: Floats) -> Floats:
    """Return ``(n, edges)``: by how much a normal value is expected to lie below each edge."""
    distance = np.where(np.isfinite(edges), edges, 0.0) - mean[:, None]
    if std.any():
        safe = np.where(std > 0, std, 1.0)[:, None]
        z = distance / safe
        density = np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi)
        excess = np.where(std[:, None] > 0, distance * ndtr(z) + safe * density, np.maximum(distance, 0.0))
    else:
        excess = np.maximum(distance, 0.0)
    return np.where(np.isfinite(edges), np.maximum(excess, 0.0), 0.0)
