"""A search that buys training: another network, or more steps for a promising one, whichever gains most a second.

Each network is trained in rounds, from rung to rung. A model of learning curves says what every network, trained or
not, will have after any rung; the gain of an action is the hypervolume that the network is expected to add to the front
(error times logarithms of the known objectives) at the best of the rungs ahead, over the time until there. Bought is
only the next rung, and then everything is thought over. Neighbours of the front that differ in one gene are always
among the candidates (:attr:`FidelitySearch.open_gain`); once first rounds took their share of the cost, new networks
wait for those that are known. A share of the cost goes to successive halving, which trusts no model
(:mod:`runs.search.fidelities.halving`).

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
from runs.search.algorithms.genotype import Floats, distinct, keys
from runs.search.fidelities.beliefs import Beliefs
from runs.search.fidelities.candidates import Candidates, first_round_delay, name_of, new_networks
from runs.search.fidelities.halving import Halving, first_networks
from runs.search.fidelities.ledger import Ledger
from runs.search.fidelities.purchase import best_purchases, error_of, reference_of
from runs.search.fidelities.task import Action, FidelityTask, Observation
from search_space import Genes

__all__ = ["FidelitySearch"]

_POOL = 1500  # of the spread design
_FEW = 64  # one of them is taken that is possible and new


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
    halving
        The share of the cost that successive halving decides about.
    """

    def __init__(
        self, task: FidelityTask, *, seed: int, initial: int = 10, batch: int = 2, halving: float = 0.4
    ) -> None:
        self.task, self.seed, self.initial, self.batch = task, seed, initial, batch
        self._halving = Halving(task, share=halving)
        self.open_gain = np.inf
        self._ledger = Ledger(len(task.genotype.cards))
        self._queue: list[Action] = []
        self._beliefs = Beliefs(task, self._ledger)
        self._pending: set[tuple[int, ...]] = set()
        self._elsewhere: tuple[Action, ...] = ()
        self._planned: list[Action] = []

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

        What a finite validation split says of a network is smoothed by its earlier rungs and by networks like it, by a
        standard error at most.
        """
        return self._beliefs.estimates()

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
        return self._beliefs.expected_errors(genes)

    def _learn(self, entry: Observation | Action) -> None:
        if isinstance(entry, Action):
            self.give_up(entry)
        elif self._ledger.steps(entry.action.genes) == entry.action.done:
            self._add(entry)

    def _add(self, observation: Observation) -> None:
        self._ledger.add(observation)
        self._pending.discard(observation.action.genes)

    @property
    def _others(self) -> tuple[Action, ...]:
        """Return what is in work elsewhere, or decided just before."""
        return (*self._elsewhere, *self._planned)

    def _plan(self) -> list[Action]:
        rng = np.random.default_rng([self.seed, len(self.observations)])
        trained = len(self._ledger.networks)
        if trained < self.initial:
            pool = self._possible(skewed_sample(self.task.genotype, rng, _POOL))
            told = self._ledger.rows_of([*self._ledger.networks, *(a.genes for a in self._elsewhere if a.done == 0)])
            n = max(self.initial - len(told), 1)  # rather one more than a process without work
            first = first_networks(self.task, pool, told=told, n=n, rng=rng)
            if len(first):
                return [self._action(row, done=0, worth=self.task.inherited_steps, halving=True) for row in first]
        if not trained:
            return []
        self._planned = []
        while len(self._planned) < self.batch and (action := self._halved(rng)) is not None:
            self._planned.append(action)
        plan = self._planned if len(self._planned) == self.batch else self._planned + self._bought(rng)
        self._planned = []
        return plan

    def _halved(self, rng: np.random.Generator) -> Action | None:
        """Return what successive halving buys next, ``None`` where its share is spent or nothing is left."""
        if not self._halving.behind([*(o.action for o in self.observations), *self._others]):
            return None
        held = self._pending | {a.genes for a in self._others}
        if (found := self._halving.promoted(self.observations, apart_from=held)) is not None:
            network = self._ledger.networks[found[0]]
            return self._action(network.genes, done=network.steps, until=found[1], worth=network.worth, halving=True)
        fresh = self._possible(skewed_sample(self.task.genotype, rng, _FEW))
        return self._action(fresh[0], done=0, worth=self.task.inherited_steps, halving=True) if len(fresh) else None

    def _action(
        self,
        row: Genes,
        *,
        done: int,
        worth: float,
        donor: Genes | None = None,
        until: int | None = None,
        halving: bool = False,
    ) -> Action:
        following = until or next(rung for rung in self.task.rungs if rung > done)
        return Action(
            genes=name_of(row),
            done=done,
            steps=following - done,
            planned_at=len(self.observations),
            donor=None if donor is None else name_of(donor),
            worth=float(worth),
            halving=halving,
        )

    def _possible(self, genes: Genes) -> Genes:
        """Return the distinct rows that are feasible and neither trained nor given up."""
        old = [*self._ledger.networks, *self._pending, *(action.genes for action in self._others)]
        genes = distinct(genes, apart_from=keys(self._ledger.rows_of(old)))
        return genes if self.task.feasible is None else genes[self.task.feasible(genes)]

    def _bought(self, rng: np.random.Generator) -> list[Action]:
        self._beliefs.fit()
        told, steps, _ = self.trained
        known, last = np.log(self.task.known(told)), self.task.rungs[-1]
        now, _ = error_of(*self._beliefs.of_trained(steps=steps))
        final, doubt = self._beliefs.of_trained(steps=np.maximum(steps, last))
        hoped = front_rows(np.column_stack([final - doubt, known]))
        new = self._possible(new_networks(self.task.genotype, told, front=hoped, rng=rng))
        held = self._pending | {name for a in self._others for name in (a.genes, a.donor)}
        pending = np.array([tuple(row) in held for row in told.tolist()], bool)
        going = np.flatnonzero((steps < last) & ~pending)
        donor, worth = self._beliefs.donors(new, others=self._others)
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
        if not (others := self._others):
            return []
        genes = self._ledger.rows_of([a.genes for a in others])
        mean, deviation = self._beliefs.of(
            genes,
            network=self._ledger.numbers([a.genes for a in others]),
            steps=np.array([a.worth + a.done + a.steps for a in others], float),
        )
        return [np.column_stack([error_of(mean, deviation)[0], np.log(self.task.known(genes))])]

    def _greedy(self, candidates: Candidates, *, objectives: Floats) -> list[Action]:
        """Return the actions of the most gain a second over what is trained and what is coming."""
        task, rungs, genes, done = self.task, np.array(self.task.rungs), candidates.genes, candidates.done
        known, step_cost = np.log(task.known(genes)), task.step_cost(genes)
        curves = self._beliefs.at_rungs(genes, network=candidates.number, done=done, worth=candidates.worth)
        mean, deviation = error_of(*curves)
        further = rungs - done[:, None]
        delay = np.where(done == 0, first_round_delay(task, [o.action for o in self.observations]), 1.0)
        rows, self.open_gain = best_purchases(
            mean,
            deviation,
            known=known,
            cost=np.where(further > 0, further * (delay * step_cost)[:, None], np.inf),
            objectives=np.concatenate([objectives, *self._coming()]),
            reference=reference_of(objectives, task.limit_error, task.simple_error, above=self._ledger.floor),
            count=self.batch - len(self._planned),
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
