"""The search in fidelities on known learning curves: it beats halving, repeats itself, resumes, and comes to an end."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from runs.objectives.pareto import hypervolume, non_dominated
from runs.search.fidelities import FidelitySearch, FidelityTask, Observation, block_affinity
from runs.search.fidelities.curves import CurveModel
from runs.search.fidelities.neighbours import one_gene_neighbours
from runs.search.fidelities.purchase import reference_of
from search_space import SearchSpace
from tests.runs.search.fake_curves import EXAMPLES, RUNGS, FakeSpace, FakeTrainer, Shop, bought, halving


@pytest.mark.parametrize("budget", [30_000.0, 60_000.0])
def test_it_is_far_ahead_of_random_halving_at_equal_cost(budget: float):
    ours, theirs = [], []
    for seed in range(3):
        trainer = FakeTrainer(seed)
        shop, rival = (Shop(trainer, budget=budget, seed=seed) for _ in range(2))
        bought(FidelitySearch(trainer.task(), seed=seed), shop)
        halving(rival, seed=seed)
        ours.append(shop.hypervolume)
        theirs.append(rival.hypervolume)
    assert np.mean(ours) > 1.3 * np.mean(theirs), (ours, theirs)


def test_there_is_a_front_from_the_first_networks_on_and_it_only_grows():
    trainer = FakeTrainer(4)
    shop, search = Shop(trainer, budget=60_000.0, seed=4), FidelitySearch(trainer.task(), seed=4)
    grown: list[float] = []

    def watch() -> bool:
        grown.append(shop.hypervolume)
        return False

    bought(search, shop, after=watch)
    genes, steps, errors = search.trained
    assert len(genes) == len(steps) == len(errors) >= search.initial and steps.min() == RUNGS[0]
    assert all(a <= b + 1e-9 for a, b in pairwise(grown)) and grown[-1] > 0


def test_it_is_a_function_of_the_seed_and_the_observations():
    trainer = FakeTrainer(1)
    runs = [
        bought(FidelitySearch(trainer.task(), seed=seed), Shop(trainer, budget=20_000.0, seed=0)) for seed in (3, 3, 4)
    ]
    assert runs[0] == runs[1] != runs[2]


@pytest.mark.parametrize("kept", [1, 5, 17, 22, 31])
def test_told_the_observations_of_a_killed_search_it_goes_on_with_the_same_actions(kept: int):
    trainer = FakeTrainer(2)
    whole = FidelitySearch(trainer.task(), seed=5)
    actions = bought(whole, Shop(trainer, budget=26_000.0, seed=0))
    assert len(actions) > 33
    again = FidelitySearch(trainer.task(), seed=5)
    again.resume(whole.observations[:kept])
    for i in range(kept, 33):
        assert again.ask() == actions[i], i
        old = whole.observations[i]
        again.tell(actions[i], error=old.error, noise=old.noise)


def test_of_the_error_alone_it_goes_on_beyond_the_first_networks():
    trainer = FakeTrainer(4)
    task = replace(trainer.task(), known=lambda genes: np.ones((len(genes), 1)))
    search = FidelitySearch(task, seed=0, initial=6)
    bought(search, Shop(trainer, budget=12_000.0, seed=0))
    genes, steps, errors = search.trained
    assert len(genes) > 6 and steps.max() > RUNGS[0]
    assert errors.min() < min(o.error for o in search.observations[:6])


def test_it_ends_when_everything_is_trained():
    trainer = FakeTrainer(0)
    few = [(0, 0, 1, 1, 2, 0), (0, 0, 3, 1, 1, 0), (0, 0, 5, 2, 2, 1)]
    rows = np.array([(*g, 0, 0, 0, 0) for g in few], np.int16)

    def feasible(genes):
        return (genes[:, None] == rows[None]).all(axis=2).any(axis=1)

    class Few(FakeSpace):
        def canonical(self, genes):
            genes = super().canonical(genes)
            return np.where(feasible(genes)[:, None], genes, rows[genes.sum(axis=1) % len(rows)])

    task = replace(trainer.task(), genotype=Few(), feasible=feasible)
    search = FidelitySearch(task, seed=0, initial=3)
    actions = bought(search, Shop(trainer, budget=1e9, seed=0))
    genes, steps, _ = search.trained
    assert len(genes) == 3 and steps.max() == RUNGS[-1]
    # What cannot reach the front is left alone: training it to the end would buy nothing.
    assert len({(a.genes, a.done) for a in actions}) == len(actions) <= 3 * len(RUNGS)


def test_no_network_over_a_limit_is_trained():
    trainer = FakeTrainer(6)
    limit = 6.0
    task = replace(trainer.task(), feasible=lambda genes: trainer.known(genes)[:, 0] <= limit)
    search = FidelitySearch(task, seed=0)
    bought(search, Shop(trainer, budget=12_000.0, seed=0))
    genes, _, _ = search.trained
    assert len(genes) > 10 and trainer.known(genes).max() <= limit


def test_a_failed_network_is_not_asked_for_again():
    trainer = FakeTrainer(3)
    search = FidelitySearch(trainer.task(), seed=0)
    failed = search.ask()
    assert failed is not None
    search.give_up(failed)
    actions = bought(search, Shop(trainer, budget=20_000.0, seed=0))
    assert failed.genes not in {a.genes for a in actions}


def test_estimates_of_good_networks_are_nearer_to_the_truth_than_what_a_small_split_says():
    trainer = FakeTrainer(1)
    shop, search = Shop(trainer, budget=60_000.0, seed=1), FidelitySearch(trainer.task(), seed=1)
    bought(search, shop)
    genes, _, seen = search.trained
    truth = np.array([shop.states[tuple(map(int, row))][0] for row in genes])
    good, example = truth < 6, 100 / EXAMPLES
    estimated, _ = search.estimates()
    off, seen_off = (np.abs(np.log((v + example) / (truth + example)))[good].mean() for v in (estimated, seen))
    assert good.sum() > 5 and off < 0.8 * seen_off
    bound = {o.action.genes: o.noise + 1e-9 for o in search.observations}
    assert (np.abs(estimated - seen) <= [bound[tuple(row)] for row in genes.tolist()]).all()


class TestNeighbours:
    def test_each_differs_in_one_gene_before_it_is_made_legal(self, space: SearchSpace):
        rng = np.random.default_rng(0)
        genes = space.sample_genes(rng, 2)
        found = one_gene_neighbours(space, genes)
        expected = set()
        for row in genes:
            for column, card in enumerate(space.cards):
                for value in range(card):
                    changed = row.copy()
                    changed[column] = value
                    expected.add(space.decode(changed[None])[0])
        assert set(space.decode(found)) == expected - set(space.decode(genes))
        assert len(found) == len(expected - set(space.decode(genes)))


class TestCurveModel:
    def test_it_follows_a_network_that_learns_faster_than_others(self):
        steps = np.array([50.0, 100.0, 200.0])
        features = np.random.default_rng(0).normal(size=(6, 3))
        network = np.repeat(np.arange(6), 3)
        slopes = np.array([0.6] * 5 + [0.85])
        log_error = 3.0 - slopes[network] * np.log(np.tile(steps, 6) / 50)
        model = CurveModel(first=50, full=800)
        model.fit(features[network], network=network, steps=np.tile(steps, 6), log_error=log_error, noise=np.zeros(18))
        mean, deviation = model.predict(features[[0, 5]], network=np.array([0, 5]), steps=np.full(2, 400.0))
        truth = 3.0 - slopes[[0, 5]] * np.log(8)
        assert mean == pytest.approx(truth, abs=0.35) and mean[1] < mean[0] - 0.2
        assert (np.abs(mean - truth) < 2.5 * deviation).all()

    def test_a_network_that_nothing_is_known_of_is_uncertain_and_one_further_ahead_more_so(self):
        rng = np.random.default_rng(1)
        features, network = rng.normal(size=(12, 4)), np.arange(12)
        log_error = 2.0 + features @ np.array([0.5, 0.2, 0.0, 0.0])
        model = CurveModel(first=50, full=800)
        model.fit(features, network=network, steps=np.full(12, 50.0), log_error=log_error, noise=np.full(12, 0.05))
        new = rng.normal(size=(1, 4)) * 3
        _, known = model.predict(features[:1], network=np.array([0]), steps=np.array([50.0]))
        _, unknown = model.predict(new, network=np.array([-1]), steps=np.array([50.0]))
        _, later = model.predict(new, network=np.array([-1]), steps=np.array([800.0]))
        assert known[0] < unknown[0] < later[0]


def test_weights_are_worth_more_to_a_network_that_is_more_like_the_donor(make_space):
    space = make_space(mixer=["softmax", "pooling", "identity"], depth=[3])
    affinity = block_affinity(space)
    row = space.encode([space.largest])
    one, other = row.copy(), row.copy()
    one[0, space.gene_names.index("layer0.mixer")] = space.mixer.index("pooling")
    other[0, 0] = 0
    both = one.copy()
    both[0, 0] = 0
    same, near, narrow, far = affinity(np.concatenate([row, one, other, both]), row)[:, 0]
    assert 1 >= same > near > far > 0 and same > narrow > far


def test_a_child_begins_with_the_weights_of_the_network_that_is_worth_most_to_it():
    trainer = FakeTrainer(0)

    def affinity(genes, donors):
        return 0.5 * (genes[:, None] == donors[None]).mean(axis=2)

    task: FidelityTask = replace(trainer.task(), affinity=affinity)
    search = FidelitySearch(task, seed=0, halving=0.0)
    actions = bought(search, Shop(trainer, budget=26_000.0, seed=0))
    assert all(a.donor is None for a in actions[: search.initial])
    born = [a for a in actions[search.initial :] if a.done == 0]
    assert born and all(a.donor is not None and 0 < a.worth <= 0.5 * RUNGS[-1] for a in born)
    assert all((a.donor is None) == (a.worth == 0) for a in actions if a.done == 0)


def test_no_network_of_a_batch_begins_with_weights_that_another_one_of_it_trains():
    trainer = FakeTrainer(0)
    task = replace(trainer.task(), affinity=lambda genes, donors: (genes[:, None] == donors[None]).mean(axis=2) / 2)
    search = FidelitySearch(task, seed=0, batch=6)
    actions = bought(search, Shop(trainer, budget=40_000.0, seed=0))
    together: dict[int, list] = {}
    for action in actions:
        together.setdefault(action.planned_at, []).append(action)
    assert max(map(len, together.values())) > 2 and any(a.donor for a in actions)
    for batch in together.values():
        assert not {a.genes for a in batch} & {a.donor for a in batch}


def test_beside_others_nothing_is_bought_that_is_in_work_or_that_anybody_begins_with():
    trainer, rng, history = FakeTrainer(0), np.random.default_rng(0), []
    task = replace(trainer.task(), affinity=lambda genes, donors: (genes[:, None] == donors[None]).mean(axis=2) / 2)
    shop, workers = Shop(trainer, budget=1e9, seed=0), [FidelitySearch(task, seed=0) for _ in range(3)]
    heard, work = [0] * 3, [None] * 3
    for _ in range(90):
        i = int(rng.integers(3))
        if (done := work[i]) is not None:
            error, noise = shop.buy(done.genes, done=done.done, steps=done.steps)
            history.append(Observation(action=done, error=error, noise=noise))
        others = [action for j, action in enumerate(work) if j != i and action is not None]
        workers[i].hear(history[heard[i] :], elsewhere=others)
        heard[i], work[i] = len(history), workers[i].ask()
        assert all(work[i].genes not in (o.genes, o.donor) and work[i].donor != o.genes for o in others)
    assert len({(o.action.genes, o.action.done) for o in history}) == len(history) > 80
    assert any(o.action.donor for o in history) and any(o.action.done for o in history)
    drawn = [o for o in history if not o.action.done and o.action.donor is None]
    first = [o for o in drawn if not o.action.halving or o.action.planned_at < workers[0].initial]
    assert 10 <= len(first) <= 12, "as many as one process begins with, and one for each other worker at most"


@pytest.mark.parametrize("seed", range(5, 9))
def test_beside_another_worker_it_decides_what_one_process_decides_next(seed: int):
    trainer = FakeTrainer(2)
    told = FidelitySearch(trainer.task(), seed=seed, halving=0.0)
    bought(told, Shop(trainer, budget=12_000.0, seed=0))
    alone, beside = (FidelitySearch(trainer.task(), seed=seed, halving=0.0) for _ in range(2))
    assert alone.hear(told.observations, elsewhere=[])
    action, following = alone.ask_batch(2)
    assert beside.hear(told.observations, elsewhere=[action])
    assert beside.ask() == following and 0 < beside.open_gain <= alone.open_gain
    assert not beside.hear([], elsewhere=[action]) and not beside.hear([], elsewhere=[action])
    assert beside.hear(told.observations[-1:], elsewhere=[action]), "an observation that is known is news, but no other"
    assert len(beside.observations) == len(told.observations)


def test_what_others_are_expected_to_find_is_not_bought_again():
    trainer, gains = FakeTrainer(2), list[tuple[float, float]]()
    for seed in range(5, 13):
        told = FidelitySearch(trainer.task(), seed=seed, halving=0.0)
        bought(told, Shop(trainer, budget=12_000.0, seed=0))
        alone, beside = (FidelitySearch(trainer.task(), seed=seed, batch=8, halving=0.0) for _ in range(2))
        assert alone.hear(told.observations, elsewhere=[])
        others = [replace(action, steps=RUNGS[-1]) for action in alone.ask_batch(8)]
        assert beside.hear(told.observations, elsewhere=others) and beside.ask() is not None
        gains.append((beside.open_gain, alone.open_gain))
    mine, before = np.array(gains).T
    assert (mine > 0).all() and (mine <= before).all() and mine.mean() < 0.98 * before.mean(), gains


def test_the_front_that_is_handed_over_is_not_that_of_the_luckiest():
    ours, seen = [], []
    for seed in range(3):
        trainer = FakeTrainer(seed)
        shop, search = Shop(trainer, budget=60_000.0, seed=seed), FidelitySearch(trainer.task(), seed=seed)
        bought(search, shop)
        genes, _, errors = search.trained
        truth = np.array([shop.states[tuple(map(int, row))] for row in genes])
        chosen = non_dominated(np.column_stack([errors, truth[:, 1]]))
        ours.append(hypervolume(truth[search.front], trainer.corner))
        seen.append(hypervolume(truth[chosen], trainer.corner))
    assert np.mean(ours) > np.mean(seen)


@pytest.mark.parametrize(
    ("limit", "simple", "error"),
    [
        (None, None, 15.0),
        (None, 9.0, 9.0),  # what a linear model has is worth nothing
        (None, 2.0, 5.5),  # nothing is as good yet
        (None, 60.0, 15.0),  # a poor model says little
        (30.0, 9.0, 30.0),  # whoever asks knows better
        (1.0, None, 5.5),
    ],
)
def test_hypervolume_counts_from_what_a_network_must_better(limit: float | None, simple: float | None, error: float):
    objectives = np.array([[5.0, 1.0], [20.0, 0.0]])
    assert reference_of(objectives, limit, simple) == pytest.approx([error, 1.1])
