"""Which purchases gain most a second: expected hypervolume of error and known objectives, over the time to a rung.

A purchase is a network and the rung that it would be trained to. Errors count as they are, not their logarithms: from
1.4 to 0.7 % is worth less to a user than from 4 to 2 %, and is mostly the noise of the split. The known objectives
count in logarithms.

Papers: Yang et al. 2019 (expected hypervolume improvement); Snoek et al. 2012 (improvement per second).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from runs.objectives.hypervolume_gain import expected_gain, free_boxes

__all__ = ["best_purchases", "error_of", "reference_of"]

Floats = NDArray[np.float64]
# So many times the least error networks still count, where no reference is given.
_SPAN = 3.0
_ROOM = 1.1  # the same, where one is given that nothing reaches yet
_MARGIN = 0.1  # of the range of the known objectives, beyond the largest
# A normal distribution takes the place of a log-normal one up to this deviation; beyond it the tail would be all.
_WIDEST = 0.7


def error_of(mean: Floats, deviation: Floats) -> tuple[Floats, Floats]:
    """Return mean and deviation of an error, from those of its logarithm."""
    spread = np.minimum(deviation, _WIDEST) ** 2
    error = np.exp(mean + 0.5 * spread)
    return error, error * np.sqrt(np.expm1(spread))


def reference_of(objectives: Floats, limit: float | None, simple: float | None, *, above: float = 0.0) -> Floats:
    """Return the corner that hypervolume counts from, ``(m,)``, of networks ``(n, m)``, the error first.

    ``limit`` is an error above which a network is of no use, and ``simple`` that of a model which nobody would give up
    for a worse network; some room is left where nothing is as good yet. The errors of the networks are ``above`` more.
    """
    low, high = objectives.min(axis=0), objectives.max(axis=0)
    # Where all cost alike, or nothing but the error counts, any margin leaves room for a gain.
    reference: Floats = high + np.where(high > low, _MARGIN * (high - low), 1.0)
    reference[0] = _SPAN * low[0] if limit is None else max(limit + above, _ROOM * low[0])
    if limit is None and simple is not None:
        reference[0] = min(reference[0], max(simple + above, _ROOM * low[0]))
    return reference


def best_purchases(
    mean: Floats,
    deviation: Floats,
    *,
    known: Floats,
    cost: Floats,
    objectives: Floats,
    reference: Floats,
    count: int,
    needs: NDArray[np.intp] | None = None,
    changes: NDArray[np.bool_] | None = None,
) -> tuple[list[int], float]:
    """Return the rows to buy, best first, and the largest gain that any purchase promises alone.

    Each purchase is judged beside what those before it are expected to bring.

    Parameters
    ----------
    mean, deviation, cost
        Of the error at each rung and of the time until there, ``(n, rungs)``; infinite for a rung that is behind.
    known
        The other objectives, ``(n, m - 1)``.
    objectives
        What is there already, ``(k, m)``.
    reference
        The corner, ``(m,)``.
    needs, changes
        A number for the weights that a purchase begins with, -1 for none, and whether it changes them, ``(n,)``: where
        one does, no other that needs them is bought with it, so that all can be bought at once.
    """
    rungs, front, most = mean.shape[1], objectives, 0.0
    bought: list[int] = []
    free = np.ones(len(mean), bool)
    for _ in range(count):
        boxes = free_boxes(front, reference=reference)
        gain = np.stack([_gain(mean[:, k], deviation[:, k], known, boxes) for k in range(rungs)], axis=1)
        if not bought:
            most = float(gain[np.isfinite(cost)].max(initial=0.0))
        rate = np.where(free[:, None], gain / cost, -1.0)
        row, column = divmod(int(np.argmax(rate)), rungs)
        if rate[row, column] <= 0:
            break
        bought.append(row)
        free[row] = False
        if needs is not None and changes is not None and needs[row] >= 0:
            free &= (needs != needs[row]) | ~(changes | changes[row])
        front = np.concatenate([front, np.r_[mean[row, column], known[row]][None]])
    return bought, most


def _gain(mean: Floats, deviation: Floats, known: Floats, boxes: tuple[Floats, Floats]) -> Floats:
    points = np.column_stack([mean, known])
    return expected_gain(points, np.column_stack([deviation, np.zeros_like(known)]), boxes=boxes)
