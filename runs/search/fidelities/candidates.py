"""What training can be bought for: the networks that are in training, and new ones near the front or anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runs.search.algorithms.design import skewed_sample
from runs.search.algorithms.genotype import Floats, Genotype
from runs.search.fidelities.neighbours import children, one_gene_neighbours
from runs.search.fidelities.task import Action, FidelityTask
from search_space import Genes

__all__ = ["Candidates", "best_donors", "first_round_delay", "name_of", "new_networks"]

_MOST_FIRST, _DELAY = 1 / 3, 1000.0
_PARENTS, _NEIGHBOURS, _CHILDREN, _DRAWN = 12, 600, 200, 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidates:
    """Networks to buy steps for, one a row; ``number`` and ``donor`` count the trained ones, -1 for none."""

    genes: Genes
    done: NDArray[np.int64]
    number: NDArray[np.intp]
    donor: NDArray[np.intp]
    worth: Floats


def first_round_delay(task: FidelityTask, actions: Sequence[Action]) -> float:
    """Return how many times as long a first round is taken to last, by the share that first rounds had of the cost.

    The less is known of a network, the more it may gain; without a limit ever new ones are bought, and none is trained
    to the end (clinc150: 46 % of the cost in 237 first rounds, 12 % in the five networks of the last rung). Beyond a
    third a new network is bought where those that are known promise next to nothing.
    """
    costs = task.costs(actions)
    share = float(costs[[a.done == 0 for a in actions]].sum()) / float(costs.sum())
    return _DELAY if share > _MOST_FIRST else 1.0


def name_of(row: Genes) -> tuple[int, ...]:
    """Return the genes of a network as a value that can be compared."""
    return tuple(int(gene) for gene in row)


def best_donors(task: FidelityTask, genes: Genes, *, told: Genes, worth: Floats) -> tuple[NDArray[np.intp], Floats]:
    """Return the best donor of each of ``(n, genes)`` networks among ``(m, genes)``, and what it is worth in steps.

    The donor is -1 where none is worth more than what every network begins with. ``worth`` is that of each donor to
    itself, ``(m,)``, 0 for one that cannot be had now.
    """
    plain = np.full(len(genes), task.inherited_steps)
    if task.affinity is None or not len(genes):
        return np.full(len(genes), -1), plain
    given = task.affinity(genes, told) * worth
    best = given.argmax(axis=1)
    most = given[np.arange(len(genes)), best]
    return np.where(most > plain, best, -1), np.maximum(most, plain)


def new_networks(genotype: Genotype, told: Genes, *, front: NDArray[np.intp], rng: np.random.Generator) -> Genes:
    """Return neighbours of the rows ``front`` of the networks ``told``, children of them, and random networks."""
    parents = told[rng.permutation(front)[:_PARENTS]]
    near = one_gene_neighbours(genotype, parents)
    near = near[np.sort(rng.permutation(len(near))[:_NEIGHBOURS])]
    drawn = skewed_sample(genotype, rng, _DRAWN)
    return np.concatenate([near, children(genotype, parents, rng, _CHILDREN), drawn])
