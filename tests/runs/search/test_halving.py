"""The part of a search in fidelities that trusts no model: who goes on, and how much of the cost it gets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from runs.search.fidelities import Action, FidelitySearch, Observation
from runs.search.fidelities.halving import Halving
from tests.runs.search.fake_curves import FakeTrainer, Shop, bought


class TestHalving:
    def test_it_gets_its_share_of_the_cost_and_trusts_no_model(self):
        trainer = FakeTrainer(0)
        task = replace(trainer.task(), affinity=lambda genes, donors: (genes[:, None] == donors[None]).mean(axis=2) / 2)
        actions = bought(FidelitySearch(task, seed=0, halving=0.4), Shop(trainer, budget=80_000.0, seed=0))
        cost = np.array([a.steps * trainer.step_cost(np.array([a.genes], np.int16))[0] for a in actions])
        own = np.array([a.halving for a in actions])
        assert 0.35 < cost[own].sum() / cost.sum() < 0.5
        assert all(a.donor is None for a in actions if a.halving)
        assert {a.done + a.steps for a in actions if a.halving} == {50, 200, 800}

    def test_the_best_third_of_a_rung_goes_on(self):
        trainer = FakeTrainer(0)
        rows = trainer.space.canonical(np.random.default_rng(1).integers(0, trainer.space.cards, (7, 10)))
        part = Halving(replace(trainer.task(), known=lambda genes: np.ones((len(genes), 1))), share=0.5)
        actions = [Action(genes=tuple(row), done=0, steps=50, planned_at=0) for row in rows.tolist()]
        told = [
            Observation(action=a, error=e) for a, e in zip(actions, (9.0, 3.0, 8.0, 2.0, 7.0, 6.0, 5.0), strict=True)
        ]
        assert part.promoted(told[:2], apart_from=set()) is None
        assert part.promoted(told, apart_from=set()) == (actions[3].genes, 200)
        assert part.promoted(told, apart_from={actions[3].genes}) == (actions[1].genes, 200)
        assert part.promoted(told, apart_from={a.genes for a in (actions[1], actions[3])}) is None, "two of seven"
        further = Observation(action=replace(actions[3], done=50, steps=150), error=1.0)
        assert part.promoted([*told, further], apart_from=set()) == (actions[1].genes, 200)

    def test_a_network_with_a_donor_takes_no_part(self):
        trainer = FakeTrainer(0)
        rows = trainer.space.canonical(np.random.default_rng(1).integers(0, trainer.space.cards, (4, 10))).tolist()
        actions = [Action(genes=tuple(row), done=0, steps=50, planned_at=0) for row in rows]
        told = [Observation(action=a, error=float(i + 1)) for i, a in enumerate(actions)]
        told[0] = replace(told[0], action=replace(actions[0], donor=actions[1].genes))
        (name, _) = Halving(trainer.task(), share=0.5).promoted(told, apart_from=set()) or ((), 0)
        assert name in {a.genes for a in actions[1:]}


def test_first_rounds_take_a_third_of_the_cost_at_most():
    trainer = FakeTrainer(0)
    actions = bought(FidelitySearch(trainer.task(), seed=0, halving=0.0), Shop(trainer, budget=60_000.0, seed=0))
    cost, first = trainer.task().costs(actions), np.array([a.done == 0 for a in actions])
    assert cost[0] == actions[0].steps * trainer.step_cost(np.array([actions[0].genes], np.int16))[0]
    share = (cost * first).cumsum() / cost.cumsum()
    assert share[-60:].max() < 0.4 and first[-60:].any() and not first[-60:].all()
