"""A search that buys training: another network, or more steps for a promising one, whichever gains most a second.

Each network is trained in rounds, from rung to rung. A model of learning curves says what every network, trained or
not, will have after any rung; the gain of an action is the hypervolume that the network is expected to add to the front
(error times logarithms of the known objectives) at the best of the rungs ahead, over the time until there. Bought is
only the next rung, and then everything is thought over: successive halving without fixed shares. Neighbours of the
front that differ in one gene are always among the candidates, so that the search ends where none of them promises
anything (:attr:`FidelitySearch.open_gain`).

Decisions are a function of the seed and of the observations: told the observations of a killed search, a new one goes
on with the same decisions.

Papers: Swersky et al. 2014 (Freeze-Thaw Bayesian Optimization); Jamieson & Talwalkar 2016 (successive halving);
Schmucker et al. 2021 (multi-objective successive halving); Yang et al. 2019 (expected hypervolume improvement).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runs.objectives.pareto import front_rows
from runs.search.algorithms.design import skewed_sample
from runs.search.algorithms.genotype import distinct, keys
from runs.search.fidelities.curves import CurveModel
from runs.search.fidelities.first import first_networks
from runs.search.fidelities.ledger import Ledger
from runs.search.fidelities.neighbours import children, one_gene_neighbours
from runs.search.fidelities.purchase import best_purchases, error_of, reference_of
from runs.search.fidelities.task import Action, FidelityTask, Observation
from search_space import Genes

__all__ = ["FidelitySearch"]

Floats = NDArray[np.float64]
_POOL = 1500  # of the spread design
_PARENTS, _NEIGHBOURS, _CHILDREN, _DRAWN = 12, 600, 200, 100


@dataclass(frozen=True, kw_only=True, slots=True)
class _Candidates:
    """Networks to buy steps for, one a row; ``number`` and ``donor`` count the trained ones, -1 for none."""

    genes: Genes
    done: NDArray[np.int64]
    number: NDArray[np.intp]
    donor: NDArray[np.intp]
    worth: Floats


class FidelitySearch:
    """Asks for training, is told errors.

    Parameters
    ----------
    task
        What is searched.
    seed
        With the observations it decides everything.
    initial
        So many networks are spread over the space and get the first rung before the model decides.
    batch
        So many actions are decided at a time; each counts on what those before it are expected to bring.
    """

    def __init__(self, task: FidelityTask, *, seed: int, initial: int = 10, batch: int = 2) -> None:
        self.task, self.seed, self.initial, self.batch = task, seed, initial, batch
        self.open_gain = np.inf
        self._ledger = Ledger(len(task.genotype.cards))
        self._queue: list[Action] = []
        self._model = CurveModel(first=task.rungs[0], full=task.rungs[-1] + task.inherited_steps)
        self._pending: set[tuple[int, ...]] = set()

    # ------------------------------------------------------------- interface

    def resume(self, history: Sequence[Observation | Action]) -> None:
        """Take up what an earlier search was told, actions that were given up among it, and go on as it would have."""
        for entry in history:
            action = entry if isinstance(entry, Action) else entry.action
            if not self._queue or self._queue[0].planned_at != action.planned_at:
                self._queue = self._plan()  # again, for what the model learns from each fit stays
            if isinstance(entry, Action):
                self.give_up(entry)
            else:
                self._add(entry)
            self._queue = [a for a in self._queue if a.genes != action.genes]

    def ask(self) -> Action | None:
        """Return what to buy next; ``None`` where nothing is left to buy."""
        if not self._queue:
            self._queue = self._plan()
        if not self._queue:
            return None
        action = self._queue.pop(0)
        self._pending.add(action.genes)
        return action

    def ask_batch(self, most: int) -> list[Action]:
        """Return up to ``most`` of what was decided together, to be bought at once, told in order; empty at the end."""
        asked: list[Action] = []
        while len(asked) < most and (self._queue or not asked) and (action := self.ask()) is not None:
            asked.append(action)
        return asked

    def tell(self, action: Action, *, error: float, noise: float = 0.0, cost: float = 0.0) -> Observation:
        """Add what came of an action; returns the observation to keep."""
        observation = Observation(action=action, error=error, noise=noise, cost=cost)
        self._add(observation)
        return observation

    def give_up(self, action: Action) -> None:
        """Never propose a network again, for its training failed."""
        self._pending.add(action.genes)

    @property
    def observations(self) -> list[Observation]:
        """What it was told, in order."""
        return self._ledger.observations

    @property
    def trained(self) -> tuple[Genes, NDArray[np.int64], Floats]:
        """The networks so far: genes ``(n, genes)``, steps ``(n,)`` and last errors ``(n,)``."""
        return self._ledger.trained

    def estimates(self) -> tuple[Floats, Floats]:
        """Return the error of each of :attr:`trained` as the model sees it now, and its deviation in logarithms.

        What a finite validation split says of a network is smoothed by its own earlier rungs and by networks like it.
        """
        genes, steps, _ = self.trained
        self._fit(learn=False)
        mean, deviation = self._model.predict(
            self._features(genes), network=np.arange(len(genes)), steps=steps + self._ledger.worth
        )
        return np.exp(mean) - self._ledger.floor, deviation

    @property
    def front(self) -> NDArray[np.intp]:
        """The rows of :attr:`trained` to hand over: those that no other dominates as the model sees them now.

        The last rounds alone would favour who was lucky on the validation split: of many, the luckiest.
        """
        genes, _, _ = self.trained
        if len(genes) < self.initial:
            errors = self.trained[2]
        else:
            errors, _ = self.estimates()
        return np.sort(front_rows(np.column_stack([errors, self.task.known(genes)])))

    def expected_errors(self, genes: Genes) -> Floats:
        """Return the error that each of ``(n, genes)`` networks, trained or not, is expected to have in the end."""
        self._fit(learn=False)
        number = {name: i for i, name in enumerate(self._ledger.networks)}
        network = np.array([number.get(_name(row), -1) for row in genes], np.intp)
        worth = np.where(network >= 0, self._ledger.worth[network], self._donors(genes)[1])
        mean, _ = self._model.predict(self._features(genes), network=network, steps=self.task.rungs[-1] + worth)
        return np.exp(mean) - self._ledger.floor

    # ------------------------------------------------------------- bookkeeping

    def _add(self, observation: Observation) -> None:
        self._ledger.add(observation)
        self._pending.discard(observation.action.genes)

    # ---------------------------------------------------------------- decisions

    def _plan(self) -> list[Action]:
        rng = np.random.default_rng([self.seed, len(self.observations)])
        trained = len(self._ledger.networks)
        if trained < self.initial:
            pool = self._possible(skewed_sample(self.task.genotype, rng, _POOL))
            first = first_networks(self.task, pool, told=self.trained[0], n=self.initial - trained, rng=rng)
            if len(first):
                return [self._action(row, done=0, worth=self.task.inherited_steps) for row in first]
        return self._bought(rng) if trained else []

    def _action(self, row: Genes, *, done: int, worth: float, donor: Genes | None = None) -> Action:
        following = next(rung for rung in self.task.rungs if rung > done)
        return Action(
            genes=_name(row),
            done=done,
            steps=following - done,
            planned_at=len(self.observations),
            donor=None if donor is None else _name(donor),
            worth=float(worth),
        )

    def _possible(self, genes: Genes) -> Genes:
        """Return the distinct rows that are feasible and neither trained nor given up."""
        width = len(self.task.genotype.cards)
        old = np.array([*self._ledger.networks, *self._pending], np.int16).reshape(-1, width)
        genes = distinct(genes, apart_from=keys(old))
        return genes if self.task.feasible is None else genes[self.task.feasible(genes)]

    def _features(self, genes: Genes) -> Floats:
        """Return what the model reads: the genotype's features and the logarithms of the known objectives and costs."""
        known = np.log(np.column_stack([self.task.known(genes), self.task.step_cost(genes)]))
        x = self.task.genotype.features(genes)
        # A few columns that matter beside many that hardly do.
        return np.concatenate([x, np.repeat(known, max(1, x.shape[1] // 20), axis=1)], axis=1)

    def _donors(self, genes: Genes) -> tuple[NDArray[np.intp], Floats]:
        """Return the best donor of each row among the trained networks, -1 for none, and what it is worth in steps."""
        task, plain = self.task, np.full(len(genes), self.task.inherited_steps)
        if task.affinity is None or not len(genes):
            return np.full(len(genes), -1), plain
        told, steps, _ = self.trained
        worth = task.affinity(genes, told) * np.minimum(steps + self._ledger.worth, task.rungs[-1])
        best = worth.argmax(axis=1)
        most = worth[np.arange(len(genes)), best]
        return np.where(most > plain, best, -1), np.maximum(most, plain)

    def _fit(self, *, learn: bool = True) -> None:
        network, steps, error, noise = self._ledger.rows()
        floor = self._ledger.floor
        self._model.fit(
            self._features(self.trained[0])[network],
            network=network,
            steps=steps + self._ledger.worth[network],
            log_error=np.log(error + floor),
            noise=noise / (error + floor),
            learn=learn,
        )

    def _bought(self, rng: np.random.Generator) -> list[Action]:
        self._fit()
        told, steps, _ = self.trained
        known, last = np.log(self.task.known(told)), self.task.rungs[-1]
        now, _ = error_of(*self._expected(told, steps=steps + self._ledger.worth))
        final, doubt = self._expected(told, steps=np.maximum(steps, last) + self._ledger.worth)
        new = self._new(told, np.column_stack([final - doubt, known]), rng)
        pending = np.array([tuple(row) in self._pending for row in told.tolist()], bool)
        going = np.flatnonzero((steps < last) & ~pending)
        donor, worth = self._donors(new)
        candidates = _Candidates(
            genes=np.concatenate([told[going], new]),
            done=np.r_[steps[going], np.zeros(len(new), np.int64)],
            number=np.r_[going, np.full(len(new), -1)].astype(np.intp),
            donor=np.r_[np.full(len(going), -1), donor].astype(np.intp),
            worth=np.r_[self._ledger.worth[going], worth],
        )
        if not len(candidates.genes):
            self.open_gain = 0.0
            return []
        return self._greedy(candidates, objectives=np.column_stack([now, known]))

    def _expected(self, told: Genes, *, steps: Floats) -> tuple[Floats, Floats]:
        return self._model.predict(self._features(told), network=np.arange(len(told)), steps=steps)

    def _new(self, told: Genes, hoped: Floats, rng: np.random.Generator) -> Genes:
        """Return candidates that were never trained: neighbours of the front, children of it, and random ones."""
        genotype = self.task.genotype
        front = front_rows(hoped)
        parents = told[rng.permutation(front)[:_PARENTS]]
        near = one_gene_neighbours(genotype, parents)
        near = near[np.sort(rng.permutation(len(near))[:_NEIGHBOURS])]
        drawn = skewed_sample(genotype, rng, _DRAWN)
        return self._possible(np.concatenate([near, children(genotype, parents, rng, _CHILDREN), drawn]))

    def _greedy(self, candidates: _Candidates, *, objectives: Floats) -> list[Action]:
        """Return the actions of the most gain a second."""
        task, rungs, genes, done = self.task, np.array(self.task.rungs), candidates.genes, candidates.done
        known, step_cost, features = np.log(task.known(genes)), task.step_cost(genes), self._features(genes)
        curves = [
            self._model.predict(features, network=candidates.number, steps=candidates.worth + np.maximum(rung, done))
            for rung in rungs
        ]
        mean, deviation = error_of(*(np.stack(columns, axis=1) for columns in zip(*curves, strict=True)))
        further, useless = rungs - done[:, None], task.reference_error
        rows, self.open_gain = best_purchases(
            mean,
            deviation,
            known=known,
            cost=np.where(further > 0, further * step_cost[:, None], np.inf),
            objectives=objectives,
            reference=reference_of(objectives, error=None if useless is None else useless + self._ledger.floor),
            count=self.batch,
            needs=np.maximum(candidates.number, candidates.donor),
            changes=candidates.number >= 0,
        )
        told = self.trained[0]
        return [
            self._action(
                genes[row],
                done=int(done[row]),
                worth=candidates.worth[row],
                donor=told[candidates.donor[row]] if candidates.donor[row] >= 0 else None,
            )
            for row in rows
        ]


def _name(row: Genes) -> tuple[int, ...]:
    return tuple(int(gene) for gene in row)
