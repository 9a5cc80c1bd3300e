"""What every sampler keeps: canonical, legal, never the same network twice, one seed one search, ends when it must."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import optuna
import pytest

from runs.objectives import Budget, objectives_by_name
from runs.search import SAMPLERS, Problem, SearchConfig, distributions, run_search
from runs.search.optuna.genes import genes_of, params_of
from search_space import SearchSpace
from tests.runs.search.problem import Bench

pytestmark = pytest.mark.parametrize("name", list(SAMPLERS))
OBJECTIVES = [
    ("validation_error",),
    ("validation_error", "latency_ms"),
    ("size_bytes", "validation_error", "latency_ms"),
    ("latency_ms", "size_bytes"),
]


@pytest.fixture
def bench(space: SearchSpace) -> Bench:
    return Bench(space)


def _keys(bench: Bench, name: str, n: int, seed: int = 0, url: str | None = None) -> list[str]:
    config = SearchConfig(n_trials=n, sampler=name, seed=seed)
    result = run_search(
        bench.space,
        config=config,
        cost_function=bench.cost_function,
        evaluate=bench.evaluate,
        study_name="s",
        storage_url=url,
    )
    return [e.key for e in result.evaluated]


def test_in_a_users_own_study(name: str, bench: Bench) -> None:
    """Canonical parameters of new, legal networks, and a parameter of the user's beside them."""
    space = bench.space
    objectives = objectives_by_name(["validation_error", "latency_ms"])
    problem = Problem(objectives=objectives, cost_function=bench.cost_function, n_trials=25)

    def objective(trial: optuna.Trial) -> tuple[float, float]:
        assert 0.0 <= trial.suggest_float("mine", 0.0, 1.0) <= 1.0
        architecture = space.suggest(trial)
        space.validate(architecture)
        return bench.evaluate(architecture), float(bench.cost_function(space.encode([architecture]))["latency_ms"][0])

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        directions=["minimize", "minimize"], sampler=SAMPLERS[name](space, seed=3, problem=problem)
    )
    study.optimize(objective, n_trials=25)
    assert len(bench.calls) == 25 and set(bench.calls.values()) == {1}
    for trial in study.trials:
        row = genes_of(space, trial.params)
        assert row is not None
        chosen = {k: v for k, v in trial.params.items() if k in distributions(space)}
        assert chosen == params_of(space, row), "the parameters are those of the canonical row"


@pytest.mark.parametrize("objectives", OBJECTIVES, ids=",".join)
def test_any_objectives(name: str, objectives: tuple[str, ...], bench: Bench) -> None:
    budget = Budget(limits={"flops": float(np.median(bench.costs.flops(bench.space.sample_genes(_rng(), 500))))})
    config = SearchConfig(n_trials=20, sampler=name, objectives=objectives, budget=budget)
    result = run_search(
        bench.space, config=config, cost_function=bench.cost_function, evaluate=bench.evaluate, study_name="s"
    )
    assert len({e.key for e in result.evaluated}) == 20 and not result.failed
    for e in result.evaluated:
        assert e.feasible == (e.values["flops"] <= budget.limits["flops"])
        assert e.values["validation_error"] == bench.error(bench.space.encode([e.architecture]))[0]


def test_one_seed_one_search(name: str, bench: Bench) -> None:
    first = _keys(bench, name, 22, seed=4)
    assert _keys(bench, name, 22, seed=4) == first
    assert _keys(bench, name, 22, seed=5) != first


def test_resume_continues(name: str, bench: Bench, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    first = _keys(bench, name, 14, url=url)
    both = _keys(bench, name, 22, url=url)
    assert both[:14] == first and len(set(both)) == 22
    assert set(bench.calls.values()) == {1} and len(bench.calls) == 22


def test_a_small_space_is_searched_to_its_end(name: str, make_space: Callable[..., SearchSpace]) -> None:
    small = make_space(
        embed_dim=[16, 24], depth=[1], num_heads=[1], ratio=[1, 2], precision=["float"], mixer=["softmax", "identity"]
    )
    bench = Bench(small)
    networks = round(10**small.log10_size)
    assert networks == 10
    result = run_search(
        small,
        config=SearchConfig(n_trials=50, sampler=name),
        cost_function=bench.cost_function,
        evaluate=bench.evaluate,
        study_name="s",
    )
    assert result.exhausted and len(result.evaluated) == networks == len(bench.calls)
    assert set(bench.calls.values()) == {1}


def _rng() -> np.random.Generator:
    return np.random.default_rng(0)
