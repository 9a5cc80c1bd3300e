"""The guided search: better than random, feasible from an infeasible start, distinct, and its first networks spread."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from runs.objectives import Budget
from runs.objectives.pareto import front_rows, hypervolume
from runs.search import SearchResult
from runs.search.algorithms.design import skewed_sample, spread
from runs.search.optuna.genes import distributions, genes_of, params_of
from search_space import Genes, SearchSpace
from tests.runs.search.problem import SyntheticQuality


@pytest.fixture(scope="module")
def bench(make_space: Callable[..., SearchSpace]) -> SyntheticQuality:
    return SyntheticQuality(make_space(depth=[2, 4, 6], num_heads=[1, 2, 4]))


def _search(
    bench: SyntheticQuality, *objectives: str, sampler: str = "nasweave", n: int = 40, seed: int = 0, **limits: float
):
    return bench.search(bench.problem(n, objectives, Budget(limits=limits)), sampler=sampler, seed=seed)


def _values(result: SearchResult) -> np.ndarray:
    return np.array([[e.values[o.name] for o in result.objectives] for e in result.evaluated])


def test_closer_to_the_true_front_than_random(bench: SyntheticQuality) -> None:
    """The hypervolume that is missing to a front found with the true values and 100,000 of them."""
    objectives = ("validation_error", "latency_ms")
    truth = _true_front(bench, objectives)
    low, high = truth.min(axis=0), truth.max(axis=0)

    def missing(values: np.ndarray) -> float:
        best, found = (hypervolume((v - low) / (high - low), [1.05, 1.05]) for v in (truth, values))
        return 1.0 - found / best

    ours = [missing(_values(_search(bench, *objectives, seed=seed))) for seed in range(2)]
    blind = [missing(_values(_search(bench, *objectives, sampler="random", seed=seed))) for seed in range(4)]
    assert 0.0 < max(ours) < 0.5 * np.mean(blind), (ours, blind)


def test_three_objectives_in_any_order(bench: SyntheticQuality) -> None:
    objectives = ("size_bytes", "validation_error", "flops")
    ours = [_values(_search(bench, *objectives, seed=seed)) for seed in range(2)]
    blind = [_values(_search(bench, *objectives, sampler="random", seed=seed)) for seed in range(4)]
    everything = np.concatenate([*ours, *blind])
    low, high = everything.min(axis=0), everything.max(axis=0)
    volumes = [[hypervolume((v - low) / (high - low), np.full(3, 1.05)) for v in vs] for vs in (ours, blind)]
    assert min(volumes[0]) > max(volumes[1]) and min(volumes[0]) > np.mean(volumes[1]) + 0.02, volumes


def _true_front(bench: SyntheticQuality, objectives: tuple[str, ...]) -> np.ndarray:
    space, rng = bench.space, np.random.default_rng(0)

    def values(genes: Genes) -> np.ndarray:
        known = {**bench.cost_function(genes), "validation_error": bench.error(genes)}
        return np.stack([known[name] for name in objectives], axis=1)

    parents = space.sample_genes(rng, 4000)
    for _ in range(40):
        a, b = (parents[rng.integers(0, len(parents), 2500)] for _ in range(2))
        parents = np.unique(np.concatenate([parents, space.mutate(space.crossover(a, b, rng), rng, rate=0.04)]), axis=0)
        parents = parents[front_rows(values(parents))]
    return values(parents)


def test_without_an_evaluated_objective_the_true_front_is_found(bench: SyntheticQuality) -> None:
    result = _search(bench, "latency_ms", "size_bytes", n=24)
    rows = skewed_sample(bench.space, np.random.default_rng(1), 20_000)
    cost_function = bench.cost_function(rows)
    blind = np.stack([cost_function["latency_ms"], cost_function["size_bytes"]], axis=1)
    found = _values(result)
    high = blind.max(axis=0)
    assert hypervolume(found / high, [1.0, 1.0]) >= hypervolume(blind / high, [1.0, 1.0])


def test_for_quality_alone_the_first_networks_nearly_use_up_the_limit(bench: SyntheticQuality) -> None:
    rows = bench.space.sample_genes(np.random.default_rng(2), 20_000)
    limit = float(np.quantile(bench.cost_function(rows)["latency_ms"], 0.1))

    def shares(*objectives: str) -> np.ndarray:
        found = _search(bench, *objectives, n=40, latency_ms=limit).evaluated[3:12]  # after the corners
        return np.array([e.values["latency_ms"] for e in found]) / limit

    alone, beside = shares("validation_error"), shares("validation_error", "latency_ms")
    assert (alone <= 1).all() and alone.min() > 0.7 and np.median(alone) > 0.9, alone
    assert np.median(beside) < np.median(alone), beside


def test_from_an_infeasible_start_into_the_feasible_region(bench: SyntheticQuality) -> None:
    """Fewer than one network in a hundred meets both limits, one known and one modelled."""
    rows = bench.space.sample_genes(np.random.default_rng(2), 20_000)
    cost_function, error = bench.cost_function(rows), bench.error(rows)
    limits = {
        "latency_ms": float(np.quantile(cost_function["latency_ms"], 0.1)),
        "validation_error": float(np.quantile(error, 0.9)),
    }
    share = ((cost_function["latency_ms"] <= limits["latency_ms"]) & (error <= limits["validation_error"])).mean()
    assert 0 < share < 0.01
    result = _search(bench, "validation_error", "latency_ms", n=32, **limits)
    feasible = [e.feasible for e in result.evaluated]
    assert sum(feasible[16:]) >= 10, feasible
    blind = _search(bench, "validation_error", "latency_ms", sampler="random", n=32, **limits)
    assert sum(e.feasible for e in blind.evaluated) <= 2


def test_the_first_networks_are_the_corners_and_spread(bench: SyntheticQuality) -> None:
    space = bench.space
    result = _search(bench, "validation_error", "latency_ms", n=36)
    assert [e.architecture for e in result.evaluated[:3]] == [space.smallest, space.middle, space.largest]
    latency = np.log([e.values["latency_ms"] for e in result.evaluated[:12]])
    blind = np.log(bench.cost_function(space.sample_genes(np.random.default_rng(0), 4000))["latency_ms"])
    inner = latency[3:]
    assert inner.min() < np.quantile(blind, 0.05) and inner.max() > np.quantile(blind, 0.95)


def test_spread_takes_the_farthest_first() -> None:
    points = np.array([[0.0], [1.0], [9.0], [10.0]])
    picked = spread(points, 3, apart_from=np.array([[0.2]]), rng=np.random.default_rng(0))
    assert picked.tolist() == [3, 2, 1]
    assert sorted(spread(points, 9, apart_from=points[:0], rng=np.random.default_rng(0)).tolist()) == [0, 1, 2, 3]


def test_parameters_and_genes(bench: SyntheticQuality) -> None:
    space = bench.space
    rows = space.sample_genes(np.random.default_rng(3), 50)
    assert set(distributions(space)) == {
        n for n, v in zip(space.gene_names, space.gene_values, strict=True) if len(v) > 1
    }
    for row in rows:
        params = params_of(space, row)
        assert all(isinstance(value, int | float | str) for value in params.values())
        np.testing.assert_array_equal(genes_of(space, params), row)
        params.pop("layer0.mixer")
        assert genes_of(space, params) is None
