"""What a search in fidelities has bought: its observations in order, and the networks that they are of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runs.search.algorithms.genotype import Floats
from runs.search.fidelities.task import Observation
from search_space import Genes

__all__ = ["Ledger"]

_LONGEST_FIT = 700  # observations


@dataclass(kw_only=True, slots=True)
class _Network:
    """A network in training: its steps, what it began with in steps of its own, its last error and that one's noise."""

    genes: Genes
    worth: float
    steps: int = 0
    error: float = np.nan
    noise: float = 0.0


class Ledger:
    """Observations and networks.

    Parameters
    ----------
    width
        Number of genes.
    """

    def __init__(self, width: int) -> None:
        self.width = width
        self.observations: list[Observation] = []
        self.networks: dict[tuple[int, ...], _Network] = {}

    def add(self, observation: Observation) -> None:
        """Add the outcome of an action; rounds of a network come one after the other."""
        action = observation.action
        fresh = _Network(genes=np.array(action.genes, np.int16), worth=action.worth)
        network = self.networks.setdefault(action.genes, fresh)
        if network.steps != action.done:
            raise ValueError("rounds of a network come one after the other")
        network.steps, network.error, network.noise = observation.steps, observation.error, observation.noise
        self.observations.append(observation)

    def steps(self, genes: tuple[int, ...]) -> int:
        """Return the steps that a network has behind it, 0 where it is not known."""
        return self.networks[genes].steps if genes in self.networks else 0

    def numbers(self, names: Sequence[tuple[int, ...]]) -> NDArray[np.intp]:
        """Return the place of each network among those that are known, -1 for another, ``(n,)``."""
        number = {genes: i for i, genes in enumerate(self.networks)}
        return np.array([number.get(name, -1) for name in names], np.intp)

    def rows_of(self, names: Sequence[tuple[int, ...]]) -> Genes:
        """Return networks as a matrix ``(n, genes)``."""
        return np.array(names, np.int16).reshape(-1, self.width)

    @property
    def trained(self) -> tuple[Genes, NDArray[np.int64], Floats]:
        """The networks: genes ``(n, genes)``, steps ``(n,)`` and last errors ``(n,)``."""
        found = list(self.networks.values())
        genes = np.array([n.genes for n in found], np.int16).reshape(len(found), self.width)
        return genes, np.array([n.steps for n in found], np.int64), np.array([n.error for n in found], float)

    @property
    def noise(self) -> Floats:
        """The standard error of each network's last error, ``(n,)``."""
        return np.array([network.noise for network in self.networks.values()])

    @property
    def worth(self) -> Floats:
        """What each network began with, in steps, ``(n,)``."""
        return np.array([network.worth for network in self.networks.values()])

    @property
    def floor(self) -> float:
        """What is added to errors before the logarithm: the weight of a single example."""
        noises = [o.noise for o in self.observations if o.noise > 0]
        errors = [o.error for o in self.observations]
        return min(noises) if noises else max(1e-3 * float(np.median(errors)), 1e-12)

    def rows(self) -> tuple[NDArray[np.intp], NDArray[np.int64], Floats, Floats]:
        """Return the network, the steps, the error and its noise of what a model is fitted to, ``(m,)`` each.

        That are all observations, or of many the last of each network alone.
        """
        some = self.observations
        if len(some) > _LONGEST_FIT:
            some = list({o.action.genes: o for o in some}.values())[-_LONGEST_FIT:]
        network = self.numbers([o.action.genes for o in some])
        steps = np.array([o.steps for o in some], np.int64)
        return network, steps, np.array([o.error for o in some]), np.array([o.noise for o in some])
