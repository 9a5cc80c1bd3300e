"""The cores of the model-based searches, on genes whose truth is known: limits, deviations, many objectives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import moocore
import numpy as np
import pytest
from scipy.stats import norm

from runs.objectives.hypervolume_gain import expected_gain, free_boxes
from runs.search.algorithms.ask_tell import ArrayProblem, AskTell
from runs.search.algorithms.genotype import distinct, keys
from runs.search.algorithms.guided import GuidedSearch
from runs.search.algorithms.linas import LinasSearch
from runs.search.algorithms.nsga2 import Effort, evolve_front, ranked, violation

GENES, CARD = 12, 4
Values = Callable[[np.ndarray], np.ndarray]
QUICK = Effort(population=120, generations=12, parents=50, returned=200)


class Plain:
    """Genes that all matter."""

    cards = np.full(GENES, CARD)

    def canonical(self, genes: np.ndarray) -> np.ndarray:
        return np.asarray(genes, np.int16)

    def features(self, genes: np.ndarray) -> np.ndarray:
        return genes / (CARD - 1.0)


class Least:
    """Least squares with a constant deviation."""

    def fit(self, genes: np.ndarray, values: np.ndarray) -> Least:
        design = np.column_stack([np.ones(len(genes)), genes])
        penalty = 1e-3 * np.eye(GENES + 1)
        self.weights = np.linalg.solve(design.T @ design + penalty, design.T @ values)
        self.fitted_on = len(genes)
        return self

    def predict(self, genes: np.ndarray, *, return_std: bool = False) -> Any:
        mean = np.column_stack([np.ones(len(genes)), genes]) @ self.weights
        return (mean, np.full(len(genes), 0.05)) if return_std else mean


def linear(weights: np.ndarray) -> Values:
    return lambda genes: genes.astype(float) @ weights


RNG = np.random.default_rng(7)
SLOPES = RNG.normal(size=(GENES, 4))
CORNERS = np.stack([np.zeros(GENES, int), np.full(GENES, CARD - 1)])


def _run(search: AskTell, values: Values, *, n: int, batch: int = 4, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    while len(search.genes) < n:
        genes = search.ask(min(batch, n - len(search.genes)), rng)
        assert len(genes) == len(distinct(genes)) and not np.isin(keys(genes), search.seen).any()
        search.tell(genes, values(genes))
    return search.values


@pytest.mark.parametrize("m", [1, 2, 3, 4])
def test_any_number_of_objectives(m: int) -> None:
    """More than random search three times as long covers."""
    values = linear(SLOPES[:, :m])
    task = ArrayProblem(
        genotype=Plain(), num_objectives=m, limits=np.full(m, np.inf), surrogates=[Least] * m, corners=CORNERS
    )
    ours = _run(GuidedSearch(task, effort=QUICK), values, n=40)
    blind = values(np.random.default_rng(1).integers(0, CARD, (120, GENES)))
    reference = np.concatenate([ours, blind]).max(axis=0) + 0.1
    assert moocore.hypervolume(ours, ref=reference) > moocore.hypervolume(blind, ref=reference)


@pytest.mark.parametrize("known", [False, True])
def test_the_feasible_region_is_found_from_outside(known: bool) -> None:
    """The limit excludes all first networks; it is on a value that is modelled, or known by formula."""
    weights = np.column_stack([SLOPES[:, 0], SLOPES[:, 1], RNG.normal(size=GENES)])
    values = linear(weights)
    sample = values(np.random.default_rng(2).integers(0, CARD, (20_000, GENES)))
    limits = np.array([np.inf, np.inf, np.quantile(sample[:, 2], 1e-4)])
    task = ArrayProblem(
        genotype=Plain(),
        num_objectives=2,
        limits=limits,
        surrogates=[Least, Least, None if known else Least],
        known=values if known else None,
    )
    told = _run(GuidedSearch(task, effort=QUICK), values, n=36)
    feasible = told[:, 2] <= limits[2]
    if not known:
        assert not feasible[:12].any()
    assert feasible[-20:].mean() >= 0.5, feasible


@pytest.mark.parametrize("m", [1, 2, 3])
def test_a_batch_is_picked_greedily(m: int) -> None:
    """Against the definition: each pick has the largest expected gain of all that are left."""
    rng = np.random.default_rng(m)
    genes = distinct(rng.integers(0, CARD, (400, GENES)).astype(np.int16))
    values = linear(SLOPES[:, :m])
    search = GuidedSearch(
        ArrayProblem(genotype=Plain(), num_objectives=m, limits=np.full(m, np.inf), surrogates=[Least] * m)
    )
    search.tell(genes[:30], values(genes[:30]))
    told, mean, std = values(genes[:30]), values(genes[30:]), rng.random((len(genes) - 30, m))
    low, scale = told.min(axis=0), np.ptp(told, axis=0)
    expected = []
    for _ in range(8):
        boxes = free_boxes((told - low) / scale, reference=np.full(m, 1.1))
        gain = expected_gain((mean - low) / scale, std / scale, boxes=boxes)
        gain[expected] = -np.inf
        expected.append(int(np.argmax(gain)))
        told = np.concatenate([told, mean[[expected[-1]]]])
    np.testing.assert_array_equal(search._pick(8, genes[30:], mean, std), genes[30:][expected])


def test_the_chance_of_limits_on_modelled_and_on_known_values() -> None:
    values = linear(SLOPES[:, :2])
    genes = np.random.default_rng(3).integers(0, CARD, (300, GENES)).astype(np.int16)
    exact = values(genes)
    limits = np.quantile(exact, 0.5, axis=0)
    task = ArrayProblem(
        genotype=Plain(),
        num_objectives=1,
        limits=limits,
        surrogates=[Least, None],
        known=values,
        known_deviation=lambda rows: np.tile([np.nan, 2.0], (len(rows), 1)),
    )
    std = np.tile([0.5, 0.0], (300, 1))
    expected = norm.logcdf((limits - exact) / [0.5, 2.0]).sum(axis=1)
    np.testing.assert_allclose(GuidedSearch(task)._log_chance(genes, exact, std), expected)
    sharp = GuidedSearch(replace(task, known_deviation=None))._log_chance(genes, exact, std)
    allowed = exact[:, 1] <= limits[1]
    np.testing.assert_allclose(sharp[allowed], norm.logcdf((limits[0] - exact[allowed, 0]) / 0.5))
    assert sharp[~allowed].max() < sharp[allowed].min()


def test_without_an_expensive_value_the_front_is_the_true_one() -> None:
    values = linear(np.abs(SLOPES[:, :2]) * [1.0, -1.0])
    task = ArrayProblem(
        genotype=Plain(), num_objectives=2, limits=np.full(2, np.inf), surrogates=[None, None], known=values
    )
    told = _run(GuidedSearch(task), values, n=16)
    everything = values(np.random.default_rng(4).integers(0, CARD, (50_000, GENES)))
    dominated = [(everything <= row).all(axis=1) & (everything < row).any(axis=1) for row in told]
    assert not np.any(dominated)


def test_linas_evaluates_populations_of_what_is_predicted_best() -> None:
    values = linear(SLOPES[:, :2])
    task = ArrayProblem(genotype=Plain(), num_objectives=2, limits=np.full(2, np.inf), surrogates=[Least] * 2)
    told = _run(LinasSearch(task, population=20, effort=QUICK), values, n=40, batch=20)
    reference = told.max(axis=0) + 0.1
    first, second = (moocore.hypervolume(part, ref=reference) for part in (told[:20], told[20:]))
    assert second > 1.1 * first


def test_a_long_history_is_fitted_in_part() -> None:
    fitted: list[Least] = []

    def make() -> Least:
        fitted.append(Least())
        return fitted[-1]

    rng = np.random.default_rng(5)
    genes = distinct(rng.integers(0, CARD, (5000, GENES)).astype(np.int16))
    values = linear(SLOPES[:, :1])(genes)
    task = ArrayProblem(genotype=Plain(), num_objectives=1, limits=np.full(1, np.inf), surrogates=[make])
    mean = task.fit(genes, values, rng).expect(genes)
    assert fitted[0].fitted_on == 2000
    np.testing.assert_allclose(mean, values, atol=1e-2)


def test_everything_is_evaluated_in_the_end() -> None:
    class Few(Plain):
        cards = np.full(3, 2)

    task = ArrayProblem(
        genotype=Few(), num_objectives=1, limits=np.full(1, np.inf), surrogates=[None], known=linear(SLOPES[:3, :1])
    )
    search, rng = GuidedSearch(task), np.random.default_rng(0)
    for left in (8, 3, 0):
        genes = search.ask(5, rng)
        assert len(genes) == min(left, 5)
        search.tell(genes, linear(SLOPES[:3, :1])(genes))


# ------------------------------------------------------------------ evolution


def test_evolution_finds_the_best_of_a_million() -> None:
    values = linear(SLOPES[:, :1])
    genes = evolve_front(
        Plain(),
        values_of=values,
        start=CORNERS.astype(np.int16),
        num_objectives=1,
        limits=np.full(1, np.inf),
        effort=Effort(),
        rng=np.random.default_rng(0),
    )
    best = np.where(SLOPES[:, 0] < 0, CARD - 1, 0)
    np.testing.assert_array_equal(genes[0], best)
    assert (np.diff(values(genes)[:, 0]) >= 0).all() and len(distinct(genes)) == len(genes)


def test_ranks_are_feasible_fronts_then_violation() -> None:
    values = np.array([[3.0, 3.0, 0.0], [1.0, 2.0, 0.0], [2.0, 1.0, 0.0], [0.0, 0.0, 5.0], [0.0, 0.0, 4.0]])
    order = ranked(values, num_objectives=2, limits=np.array([np.inf, np.inf, 2.0]), wanted=5)
    assert set(order[:2].tolist()) == {1, 2} and order[2:].tolist() == [0, 4, 3]


def test_violations_are_relative() -> None:
    values = np.array([[1.0, 30.0], [np.nan, 10.0], [-3.0, 20.0]])
    np.testing.assert_allclose(violation(values, np.array([-2.0, 20.0])), [1.5 + 0.5, 0.0, 0.0])
    assert (violation(values, np.array([np.inf, np.inf])) == 0).all()
    assert violation(np.array([[0.25]]), np.zeros(1)) == 0.25


def test_keys_tell_rows_apart() -> None:
    genes = np.unique(np.random.default_rng(0).integers(0, 9, (20_000, 40)).astype(np.int16), axis=0)
    assert len(np.unique(keys(genes))) == len(genes)
    np.testing.assert_array_equal(distinct(np.concatenate([genes[:5], genes[2:7]])), genes[:7])
    np.testing.assert_array_equal(distinct(genes, apart_from=keys(genes[3:])), genes[:3])
