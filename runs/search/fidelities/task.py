"""What a search in fidelities is given and what it hands out: its task, its actions, and what came of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runs.search.algorithms.genotype import Floats, Genotype
from search_space import Genes

__all__ = ["Action", "FidelityTask", "Observation"]


@dataclass(frozen=True, kw_only=True, slots=True)
class FidelityTask:
    """What is searched: networks of low error and low known costs, after as many steps as pay.

    Parameters
    ----------
    genotype
        The genes.
    known
        From genes ``(n, genes)`` to the positive objectives that need no training ``(n, k)``, such as the latency.
    step_cost
        From genes to the time of a step of training ``(n,)``, in any unit; a function of the genes alone, so that the
        same search takes the same decisions on any machine.
    params
        From genes to the number of parameters ``(n,)``, which errors fall with; ``None`` where there is none.
    rungs
        Steps after which a network is evaluated, increasing; the last is a full training.
    feasible
        From genes to whether a network may be proposed at all ``(n,)``: its known limits.
    limit_error
        An error above which a network is of no use to whoever asks, if there is one.
    simple_error
        What a simple model has, which a network of use has to better, if that is known.
    inherited_steps
        What the weights that a network begins with are worth without a donor, in steps of training alone.
    affinity
        From ``(n, genes)`` and ``(m, genes)`` to the share of a donor's steps that its weights are worth to a network
        that begins with them, ``(n, m)`` from 0 to 1; ``None`` where networks begin without donors.
    """

    genotype: Genotype
    known: Callable[[Genes], Floats]
    step_cost: Callable[[Genes], Floats]
    params: Callable[[Genes], NDArray[np.integer[Any]]] | None = None
    rungs: tuple[int, ...] = (50, 100, 200, 400, 800)
    feasible: Callable[[Genes], NDArray[np.bool_]] | None = None
    limit_error: float | None = None
    simple_error: float | None = None
    inherited_steps: float = 0.0
    affinity: Callable[[Genes, Genes], Floats] | None = None

    def __post_init__(self) -> None:
        if not (len(self.rungs) >= 2 and self.rungs[0] > 0):
            raise ValueError("two rungs or more")
        if not all((a < b for a, b in zip(self.rungs, self.rungs[1:], strict=False))):
            raise ValueError("rungs increase")

    def costs(self, actions: Sequence[Action]) -> Floats:
        """Return what the steps of each action cost, ``(n,)``."""
        genes = np.array([a.genes for a in actions], np.int16)
        costs: Floats = np.array([a.steps for a in actions], float) * self.step_cost(genes)
        return costs


@dataclass(frozen=True, kw_only=True, slots=True)
class Action:
    """What to buy next: ``steps`` more for a network that has ``done`` so many.

    Parameters
    ----------
    genes
        The network.
    donor
        The trained network whose weights one without steps begins with, as it was last trained; ``None`` for none.
    worth
        What the weights that it began with are worth, in steps of training alone.
    planned_at
        How many observations the decision was taken after.
    halving
        Whether it was decided by successive halving, not by the model.
    """

    genes: tuple[int, ...]
    done: int
    steps: int
    planned_at: int
    donor: tuple[int, ...] | None = None
    worth: float = 0.0
    halving: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the action as JSON can hold it."""
        donor = None if self.donor is None else list(self.donor)
        return asdict(self) | {"genes": list(self.genes), "donor": donor}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Action:
        """Return what :meth:`to_dict` stored; ``KeyError``, ``TypeError`` or ``ValueError`` for anything else."""
        donor = stored["donor"]
        return cls(
            genes=tuple(int(gene) for gene in stored["genes"]),
            done=int(stored["done"]),
            steps=int(stored["steps"]),
            planned_at=int(stored["planned_at"]),
            donor=None if donor is None else tuple(int(gene) for gene in donor),
            worth=float(stored["worth"]),
            halving=bool(stored.get("halving", False)),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Observation:
    """What came of an action: the error after ``action.done + action.steps`` steps.

    Parameters
    ----------
    error, noise
        On the validation split, lower is better, and its standard error.
    cost
        Processor seconds of training and evaluation.
    """

    action: Action
    error: float
    noise: float = 0.0
    cost: float = 0.0

    @property
    def steps(self) -> int:
        """Steps that the network has behind it."""
        return self.action.done + self.action.steps
