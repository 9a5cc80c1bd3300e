"""Dominance pruning: a network is left, after a part of the examples, when another dominates it almost surely.

The bound is the normal one for a sample drawn without replacement, at a confidence shared by all looks at a network.
The networks of the archive are exact on the validation split, so they carry no error of their own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.special import ndtri

from runs.evaluation.quality import named
from runs.objectives import Budget, Objective, is_partial, noise_of
from supernet.training import Quality

__all__ = ["Archive"]

_CONFIDENCE = 0.999
_FEWEST = 96  # examples, below which the normal bound is not one


class Archive:
    """The evaluated networks of a run, against which others are pruned.

    Parameters
    ----------
    objectives, budget
        Those of the search; a network over the budget prunes none.
    """

    def __init__(self, objectives: Sequence[Objective], budget: Budget) -> None:
        self.budget = budget
        self.costs = [o for o in objectives if not o.evaluated]
        self.qualities = [o for o in objectives if o.evaluated]
        self._rows: list[list[float]] = []

    def add(self, values: Mapping[str, float]) -> None:
        """Take in a network that was evaluated; one of a partial evaluation does not count."""
        if not is_partial(values) and self.budget.feasible(values):
            self._rows.append([o.sign * values[o.name] for o in (*self.costs, *self.qualities)])

    def should_prune(self, costs: Mapping[str, float], quality: Quality, *, looks: int) -> bool:
        """Return whether a network that costs no more is better in every evaluated objective, almost surely.

        Parameters
        ----------
        costs
            The exact and predicted values of the network.
        quality
            That on the part of the examples that was seen.
        looks
            How often it is asked for one network: the confidence holds over all of them.
        """
        if not (self._rows and self.qualities) or quality.examples < _FEWEST:
            return False
        z = float(ndtri(1 - (1 - _CONFIDENCE) / looks))
        margin = z * math.sqrt(1 - quality.fraction)
        values, split = named(quality), len(self.costs)
        rows = np.array(self._rows)
        cheaper = (rows[:, :split] <= [o.sign * costs[o.name] for o in self.costs]).all(1)
        bound = [o.sign * values[o.name] - margin * values[noise_of(o.name)] for o in self.qualities]
        return bool((cheaper & (rows[:, split:] < bound).all(1)).any())
