"""The study of a search: with failures, with duplicates, resumed, refused to another search, in a store."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.samplers import RandomSampler
from optuna.trial import TrialState

from runs.objectives import Budget
from runs.search import SearchConfig, SearchError, StoreRecorder, distributions, loop
from runs.store import Store
from search_space import Architecture, SearchSpace
from search_space.errors import ConfigError, StoreError
from tests.runs.search.one_study import load_study, run_once, states
from tests.runs.search.problem import SyntheticQuality


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/a.db"


# ----------------------------------------------------------------- failures


def test_failures_are_named_and_passed_over(bench: SyntheticQuality, url: str) -> None:
    calls: list[str] = []

    def sometimes(architecture: Architecture) -> float:
        calls.append(architecture.key)
        if len(calls) % 3 == 0:
            raise RuntimeError("out of memory")
        return math.nan if len(calls) % 3 == 1 else bench.evaluate(architecture)

    result = run_once(bench, url, n=4, evaluate=sometimes)
    assert len(result.evaluated) == 4 and result.failed == 7 and len(calls) == len(set(calls)) == 11
    failed = [t for t in load_study(url).trials if t.state == TrialState.FAIL]
    assert [t.user_attrs["reason"] for t in failed][:2] == [
        "ValueError('the validation error is nan')",
        "RuntimeError('out of memory')",
    ]
    resumed = run_once(bench, url, n=8)
    assert len(resumed.evaluated) == 8 and not set(bench.calls) & set(calls[::3])


def test_five_failures_in_a_row_stop_the_search(bench: SyntheticQuality, url: str) -> None:
    def broken(architecture: Architecture) -> float:
        raise OSError("no such device")

    with pytest.raises(SearchError, match=r"5 failures in a row, the last: OSError\('no such device'\)"):
        run_once(bench, url, evaluate=broken)
    assert states(url) == ["FAIL"] * 5
    assert len(run_once(bench, url).evaluated) == 6


# --------------------------------------------------------------- duplicates


def test_a_sampler_that_repeats_itself(make_space: Callable[..., SearchSpace], url: str) -> None:
    """Optuna's own random sampler, unwrapped: many parameter vectors, few networks, each evaluated once."""
    space = make_space(embed_dim=[16], depth=[1, 2], ratio=[1], precision=["float"], num_heads=[1, 2])
    bench = SyntheticQuality(space)
    result = run_once(bench, url, n=12, sampler=RandomSampler(seed=0))
    assert set(bench.calls.values()) == {1} and set(bench.calls) == {e.key for e in result.evaluated}
    assert len(result.evaluated) == 12
    trials = load_study(url).trials
    repeated = [t for t in trials if loop.DUPLICATE_OF in t.user_attrs]
    assert len(trials) == 12 + len(repeated) and len(repeated) > 3
    for trial in repeated:
        first = trials[trial.user_attrs[loop.DUPLICATE_OF]]
        assert trial.values == first.values and loop.DUPLICATE_OF not in first.user_attrs
    result = run_once(bench, url, n=10**6, sampler=RandomSampler(seed=0))
    assert result.exhausted and len(result.evaluated) <= round(10**space.log10_size)
    assert set(bench.calls.values()) == {1}


# ------------------------------------------------------- resume, and refusal


def test_total_of_trials(bench: SyntheticQuality, url: str) -> None:
    seen: list[tuple[int, int]] = []
    run_once(bench, url, n=4, progress=lambda done, total, message: seen.append((done, total)))
    assert seen == [(i, 4) for i in range(5)]
    assert len(run_once(bench, url, n=4).evaluated) == 4 == sum(bench.calls.values())
    assert len(run_once(bench, url, n=7, sampler="nsga2").evaluated) == 7 == sum(bench.calls.values())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"identity": {"supernet": "b"}}, r"study s: expected the supernet it was started with \(a\), got b"),
        ({"problem": {"objectives": ("validation_error", "size_bytes")}}, "the objectives it was started with"),
        ({"problem": {"budget": Budget(limits={"flops": 1e9})}}, "the budget it was started with"),
    ],
)
def test_another_search_is_refused(bench: SyntheticQuality, url: str, changes: Mapping[str, Any], message: str) -> None:
    run_once(bench, url, n=2, identity={"supernet": "a"})
    with pytest.raises(StoreError, match=message):
        run_once(bench, url, **{"identity": {"supernet": "a"}, **changes})


def test_another_space_is_refused(bench: SyntheticQuality, make_space: Callable[..., SearchSpace], url: str) -> None:
    run_once(bench, url, n=2)
    with pytest.raises(StoreError, match="the space it was started with"):
        run_once(SyntheticQuality(make_space(depth=[1, 2])), url)


def test_no_database(bench: SyntheticQuality, tmp_path: Path) -> None:
    (tmp_path / "a.db").write_text("not a database, but a text of some length")
    with pytest.raises(StoreError, match=r"a\.db"):
        run_once(bench, f"sqlite:///{tmp_path}/a.db")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"evaluate": None}, r"objectives\.validation_error"),
        ({"problem": {"objectives": ("params", "latency_ms")}}, r"objectives\.params"),
        ({"sampler": "nsga4"}, r"sampler: expected one of linas, nasweave, nsga2, nsga3, random, tpe, got 'nsga4'"),
    ],
)
def test_what_cannot_be_computed(bench: SyntheticQuality, changes: Mapping[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        run_once(bench, None, **changes)


@pytest.mark.parametrize("bad", [{"n_trials": 0}, {"n_trials": 5, "seed": -1}, {"n_trials": 5, "objectives": ()}])
def test_bad_config(bad: Mapping[str, Any]) -> None:
    with pytest.raises(ConfigError):
        SearchConfig(**bad)


# ------------------------------------------------------- store and dashboard


def test_with_the_store(bench: SyntheticQuality, url: str) -> None:
    """One database holds both; a network that the run knows as a baseline is not evaluated again."""
    space = bench.space
    with Store.open(url) as store:
        run = store.open_run("r", task="t", name="n", space_fingerprint=space.fingerprint, space_json=space.to_json())
        recorder = StoreRecorder(store, run_id=run.id, predicted=lambda a: {"latency_ms": 1.0})
        row = space.encode([space.largest])
        values = {"validation_error": 12.5, **{k: float(v[0]) for k, v in bench.cost_function(row).items()}}
        recorder.add(space.largest.key, architecture=space.largest, values=values, trial_number=None)
        result = run_once(bench, url, n=8, sampler="nasweave", recorder=recorder)
        assert space.largest.key not in bench.calls
        found = next(e for e in result.evaluated if e.key == space.largest.key)
        assert found.values["validation_error"] == 12.5
        stored = {c.key: c for c in store.candidates(run.id)}
    assert stored.keys() == {e.key for e in result.evaluated}
    for e in result.evaluated:
        assert stored[e.key].values == e.values
        assert stored[e.key].architecture == e.architecture


def test_what_a_dashboard_shows(bench: SyntheticQuality, url: str) -> None:
    run_once(bench, url, n=2)
    study = load_study(url)
    assert study.metric_names == ["validation_error", "latency_ms"]
    for trial in study.trials:
        assert trial.params.keys() == distributions(bench.space).keys()
        assert isinstance(trial.params["layer0.mixer"], str) and not trial.user_attrs


def test_optunas_log_is_quiet_and_restored(bench: SyntheticQuality, capfd: pytest.CaptureFixture[str]) -> None:
    optuna.logging.set_verbosity(optuna.logging.INFO)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for sampler in ("nasweave", "tpe", "nsga2"):
            run_once(bench, None, n=12, sampler=sampler)
    assert optuna.logging.get_verbosity() == optuna.logging.INFO
    assert capfd.readouterr() == ("", "")
