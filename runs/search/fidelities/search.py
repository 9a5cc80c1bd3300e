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

import numpy as np
from numpy.typing import NDArray

from runs.objectives.pareto import front_rows
from runs.search.algorithms.design import skewed_sample
from runs.search.algorithms.genotype import distinct, keys
from runs.search.fidelities.candidates import Candidates, best_donors, name_of, new_networks
from runs.search.fidelities.curves import CurveModel
from runs.search.fidelities.first import first_networks
from runs.search.fidelities.ledger import Ledger
from runs.search.fidelities.purchase import best_purchases, error_of, reference_of
from runs.search.fidelities.task import Action, FidelityTask, Observation
from search_space import Genes

__all__ = ["FidelitySearch"]

Floats = NDArray[np.float64]
_POOL = 1500  # of the spread design


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
        self._elsewhere: tuple[Action, ...] = ()

    def resume(self, history: Sequence[Observation | Action]) -> None:
        """Take up what an earlier search was told, actions that were given up among it, and go on as it would have."""
        for entry in history:
            action = entry if isinstance(entry, Action) else entry.action
            if not self._queue or self._queue[0].planned_at != action.planned_at:
                self._queue = self._plan()  # again, for what the model learns from each fit stays
            self._learn(entry)
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

    def hear(self, news: Sequence[Observation | Action], *, elsewhere: Sequence[Action]) -> bool:
        """Take up what was observed, by whomever, while other processes have the actions ``elsewhere`` in work.

        What was decided without knowing of these is thought over. Returns whether anything has changed.
        """
        foreign = False
        for entry in news:
            action = entry if isinstance(entry, Action) else entry.action
            foreign |= action.genes not in self._pending
            self._learn(entry)
        others = tuple(a for a in elsewhere if self._ledger.steps(a.genes) == a.done)
        if foreign := foreign or others != self._elsewhere:
            self._queue, self._elsewhere = [], others
        return foreign or bool(news)

    def withdraw(self, action: Action) -> None:
        """Take back what was asked for, and what was decided with it: another process is at it."""
        self._pending.discard(action.genes)
        self._queue = []

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
        network = self._ledger.numbers([name_of(row) for row in genes])
        worth = np.where(network >= 0, self._ledger.worth[network], self._donors(genes)[1])
        mean, _ = self._model.predict(self._features(genes), network=network, steps=self.task.rungs[-1] + worth)
        return np.exp(mean) - self._ledger.floor

    def _learn(self, entry: Observation | Action) -> None:
        if isinstance(entry, Action):
            self.give_up(entry)
        elif self._ledger.steps(entry.action.genes) == entry.action.done:
            self._add(entry)

    def _add(self, observation: Observation) -> None:
        self._ledger.add(observation)
        self._pending.discard(observation.action.genes)

    def _plan(self) -> list[Action]:
        rng = np.random.default_rng([self.seed, len(self.observations)])
        trained = len(self._ledger.networks)
        if trained < self.initial:
            pool = self._possible(skewed_sample(self.task.genotype, rng, _POOL))
            told = self._ledger.rows_of([*self._ledger.networks, *(a.genes for a in self._elsewhere if a.done == 0)])
            n = max(self.initial - len(told), 1)  # rather one more than a process without work
            first = first_networks(self.task, pool, told=told, n=n, rng=rng)
            if len(first):
                return [self._action(row, done=0, worth=self.task.inherited_steps) for row in first]
        return self._bought(rng) if trained else []

    def _action(self, row: Genes, *, done: int, worth: float, donor: Genes | None = None) -> Action:
        following = next(rung for rung in self.task.rungs if rung > done)
        return Action(
            genes=name_of(row),
            done=done,
            steps=following - done,
            planned_at=len(self.observations),
            donor=None if donor is None else name_of(donor),
            worth=float(worth),
        )

    def _possible(self, genes: Genes) -> Genes:
        """Return the distinct rows that are feasible and neither trained nor given up."""
        old = [*self._ledger.networks, *self._pending, *(action.genes for action in self._elsewhere)]
        genes = distinct(genes, apart_from=keys(self._ledger.rows_of(old)))
        return genes if self.task.feasible is None else genes[self.task.feasible(genes)]

    def _features(self, genes: Genes) -> Floats:
        """Return what the model reads: the genotype's features and the logarithms of the known objectives and costs."""
        known = np.log(np.column_stack([self.task.known(genes), self.task.step_cost(genes)]))
        x = self.task.genotype.features(genes)
        # A few columns that matter beside many that hardly do.
        return np.concatenate([x, np.repeat(known, max(1, x.shape[1] // 20), axis=1)], axis=1)

    def _donors(self, genes: Genes) -> tuple[NDArray[np.intp], Floats]:
        """Return the best donor of each row among the trained networks, -1 for none, and what it is worth in steps."""
        told, steps, _ = self.trained
        worth = np.minimum(steps + self._ledger.worth, self.task.rungs[-1])
        changing = {action.genes for action in self._elsewhere}
        worth[[name in changing for name in self._ledger.networks]] = 0.0
        return best_donors(self.task, genes, told=told, worth=worth)

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
        hoped = front_rows(np.column_stack([final - doubt, known]))
        new = self._possible(new_networks(self.task.genotype, told, front=hoped, rng=rng))
        held = self._pending | {name for a in self._elsewhere for name in (a.genes, a.donor)}
        pending = np.array([tuple(row) in held for row in told.tolist()], bool)
        going = np.flatnonzero((steps < last) & ~pending)
        donor, worth = self._donors(new)
        candidates = Candidates(
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

    def _coming(self) -> list[Floats]:
        """Return the objectives ``(n, m)`` that what others have in work is expected to have, where there is any."""
        if not (others := self._elsewhere):
            return []
        genes = self._ledger.rows_of([a.genes for a in others])
        mean, deviation = self._model.predict(
            self._features(genes),
            network=self._ledger.numbers([a.genes for a in others]),
            steps=np.array([a.worth + a.done + a.steps for a in others], float),
        )
        return [np.column_stack([error_of(mean, deviation)[0], np.log(self.task.known(genes))])]

    def _expected(self, told: Genes, *, steps: Floats) -> tuple[Floats, Floats]:
        return self._model.predict(self._features(told), network=np.arange(len(told)), steps=steps)

    def _greedy(self, candidates: Candidates, *, objectives: Floats) -> list[Action]:
        """Return the actions of the most gain a second over what is trained and what is coming."""
        task, rungs, genes, done = self.task, np.array(self.task.rungs), candidates.genes, candidates.done
        known, step_cost, features = np.log(task.known(genes)), task.step_cost(genes), self._features(genes)
        curves = [
            self._model.predict(features, network=candidates.number, steps=candidates.worth + np.maximum(rung, done))
            for rung in rungs
        ]
        mean, deviation = error_of(*(np.stack(columns, axis=1) for columns in zip(*curves, strict=True)))
        further = rungs - done[:, None]
        rows, self.open_gain = best_purchases(
            mean,
            deviation,
            known=known,
            cost=np.where(further > 0, further * step_cost[:, None], np.inf),
            objectives=np.concatenate([objectives, *self._coming()]),
            reference=reference_of(objectives, task.limit_error, task.simple_error, above=self._ledger.floor),
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
