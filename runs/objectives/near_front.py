"""Which networks stand off the front by no more than the noise of their evaluation.

Of two networks that were judged by a few hundred examples, the better one on these may be the worse one on all that
there could be. A network is within noise of the front when every front network that costs no more is better by less
than one standard error of the difference, the rule by which Breiman et al. 1984 (Classification and Regression Trees)
choose among models. The errors of two networks are taken for independent, though they are judged by the same examples:
the true error of the difference is smaller, so rather too many networks are marked than too few.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from runs.objectives.front import Valued
from runs.objectives.objective import Budget, Objective
from runs.objectives.quantity import is_partial, noise_of

__all__ = ["near_front", "near_front_keys"]


def near_front_keys(
    members: Sequence[Valued], candidates: Sequence[Valued], objectives: Sequence[Objective], budget: Budget
) -> set[str]:
    """Return the keys of the networks that the noise of the evaluation alone may keep off the front.

    Parameters
    ----------
    members
        The networks on the front.
    candidates
        All evaluated ones; those beyond the budget and those that were judged by a part of the examples do not count.
    objectives, budget
        Of the search.
    """
    on_front = {c.key for c in members}
    some = [c for c in candidates if c.key in on_front or (budget.feasible(c.values) and not is_partial(c.values))]
    values = np.array([[o.sign * c.values[o.name] for o in objectives] for c in some])
    errors = np.array([[c.values.get(noise_of(o.name), 0.0) for o in objectives] for c in some])
    mask = near_front(values, errors, np.array([c.key in on_front for c in some], bool))
    return {c.key for c, near in zip(some, mask, strict=True) if near}


def near_front(values: NDArray[np.float64], errors: NDArray[np.float64], front: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which rows are off the front by noise alone.

    Parameters
    ----------
    values
        ``(n, m)``, all minimised.
    errors
        ``(n, m)`` standard errors; 0 for what is exact.
    front
        ``(n,)``, which rows are on the front.
    """
    near = np.zeros(len(values), bool)
    best, doubt = values[front], errors[front]
    for i in np.flatnonzero(~front):
        gained = values[i] - np.hypot(errors[i], doubt)
        no_worse = (best <= gained).all(1)
        better = (best < values[i]).any(1)
        near[i] = not (no_worse & better).any() and bool((errors[i] > 0).any())
    return near
