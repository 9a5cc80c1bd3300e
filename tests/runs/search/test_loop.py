"""The study of a search: killed anywhere, interrupted, with failures, with duplicates, resumed as another search."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.samplers import RandomSampler
from optuna.storages import RDBStorage
from optuna.trial import TrialState

from runs.objectives import Budget
from runs.search import (
    Recorder,
    SearchConfig,
    SearchError,
    SearchResult,
    StoreRecorder,
    StudyRecord,
    build_sampler,
    distributions,
    loop,
    run_search,
)
from runs.search.optuna.genes import genes_of
from runs.search.optuna.private import _ParametersAtOnce, constraints_of
from runs.store import Store
from search_space import Architecture, SearchSpace
from search_space.errors import ConfigError, StoreError
from tests.runs.search.problem import Memory, SyntheticQuality


class Killed(BaseException):
    """Stands for kill -9: nothing of ours may catch it."""


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/a.db"


def _run(
    bench: SyntheticQuality, url: str | None, n: int = 6, recorder: Recorder | None = None, **changes: Any
) -> SearchResult:
    problem, made = bench.problem(n, **changes.pop("problem", {})), changes.pop("sampler", "random")
    record = StudyRecord(name="s", storage_url=url, recorder=recorder, identity=changes.pop("identity", {}))
    return run_search(
        bench.space,
        problem=problem,
        sampler=build_sampler(made, bench.space, problem=problem) if isinstance(made, str) else made,
        record=record,
        **{"evaluate": bench.evaluate, **changes},
    )


def _study(url: str) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.load_study(study_name="s", storage=url)


def _states(url: str) -> list[str]:
    return [trial.state.name for trial in _study(url).trials]


# ------------------------------------------------------------------- killed


class _Countdown:
    """Kills at the ``at``-th step of all that a search writes or evaluates."""

    def __init__(self, at: float) -> None:
        self.at, self.steps = at, 0

    def step(self) -> None:
        self.steps += 1
        if self.steps == self.at:
            raise Killed

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            self.step()
            result = function(*args, **kwargs)
            self.step()
            return result

        return wrapped


WRITES = (
    "_create_new_trial",
    "_set_trial_param" if hasattr(RDBStorage, "_set_trial_param") else "set_trial_param",  # Optuna 4.7 and later
    "set_trial_state_values",
    "set_trial_user_attr",
    "set_trial_system_attr",
)


def _killed_run(bench: SyntheticQuality, url: str, memory: Memory, at: float) -> int:
    """Run until the step ``at``; return how many steps were made."""
    countdown = _Countdown(at)
    with pytest.MonkeyPatch.context() as patch:
        for name in WRITES:
            patch.setattr(RDBStorage, name, countdown.around(getattr(RDBStorage, name)))
        patch.setattr(_ParametersAtOnce, "write_params", countdown.around(_ParametersAtOnce.write_params))
        patch.setattr(bench, "evaluate", countdown.around(bench.evaluate))
        patch.setattr(memory, "add", countdown.around(memory.add))
        try:
            _run(bench, url, recorder=memory, problem={"budget": Budget(limits={"latency_ms": 3.0})})
        except Killed:
            assert countdown.steps == at
    return countdown.steps


def test_killed_anywhere(space: SearchSpace, tmp_path: Path) -> None:
    """At any write, once and twice: no finished network is lost or evaluated again, none is in the study twice."""
    steps = _killed_run(SyntheticQuality(space), f"sqlite:///{tmp_path}/whole.db", Memory(), math.inf)
    assert steps > 100
    for at in np.linspace(1, steps, 14).round().astype(int):
        bench, memory, url = SyntheticQuality(space), Memory(), f"sqlite:///{tmp_path}/{at}.db"
        _killed_run(bench, url, memory, at)
        recorded = set(memory.rows)
        _killed_run(bench, url, memory, at=int(at) % 37 + 3)
        result = _run(bench, url, recorder=memory, problem={"budget": Budget(limits={"latency_ms": 3.0})})
        keys = [e.key for e in result.evaluated]
        assert len(keys) == len(set(keys)) == 6 == len(memory.rows)
        assert recorded <= set(keys)
        assert sum(bench.calls.values()) <= 8, "a kill repeats one evaluation at most"
        complete = [t for t in _study(url).trials if t.state == TrialState.COMPLETE]
        assert not [t for t in _study(url).trials if t.state in (TrialState.RUNNING, TrialState.WAITING)]
        assert sorted(space.decode(genes_of(space, t.params)[None])[0].key for t in complete) == sorted(keys)
        for trial, e in zip(complete, result.evaluated, strict=True):
            assert trial.number == e.trial_number
            assert trial.values == [e.values["validation_error"], e.values["latency_ms"]]
            assert constraints_of(trial) == {"latency_ms": e.values["latency_ms"] / 3.0 - 1.0}
            assert memory.rows[e.key] == e.values


def test_a_recorded_network_is_finished_without_evaluation(bench: SyntheticQuality, url: str) -> None:
    memory = Memory()
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        patch.setattr(loop, "finish", lambda *args, **kwargs: (_ for _ in ()).throw(Killed))
        _run(bench, url, recorder=memory)
    assert _states(url) == ["RUNNING"] and len(memory.rows) == 1 == sum(bench.calls.values())
    result = _run(bench, url, n=1, recorder=memory)
    assert _states(url) == ["COMPLETE"] and sum(bench.calls.values()) == 1
    assert result.evaluated[0].key in memory.rows and not result.failed


def test_ctrl_c_leaves_a_search_that_continues(bench: SyntheticQuality, url: str) -> None:
    """The interrupted network is tried once more, and not a third time."""
    tried: list[str] = []

    def interrupt(architecture: Architecture) -> float:
        tried.append(architecture.key)
        raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            _run(bench, url, evaluate=interrupt)
    assert tried[0] == tried[1]
    assert _states(url) == ["FAIL", "RUNNING"]
    result = _run(bench, url)
    assert len(result.evaluated) == 6 and result.failed == 2
    assert tried[0] not in bench.calls
    reasons = [t.user_attrs["reason"] for t in _study(url).trials if t.state == TrialState.FAIL]
    assert ["twice" in reason for reason in reasons] == [False, True]


# ----------------------------------------------------------------- failures


def test_failures_are_named_and_passed_over(bench: SyntheticQuality, url: str) -> None:
    calls: list[str] = []

    def sometimes(architecture: Architecture) -> float:
        calls.append(architecture.key)
        if len(calls) % 3 == 0:
            raise RuntimeError("out of memory")
        return math.nan if len(calls) % 3 == 1 else bench.evaluate(architecture)

    result = _run(bench, url, n=4, evaluate=sometimes)
    assert len(result.evaluated) == 4 and result.failed == 7 and len(calls) == len(set(calls)) == 11
    failed = [t for t in _study(url).trials if t.state == TrialState.FAIL]
    assert [t.user_attrs["reason"] for t in failed][:2] == [
        "ValueError('the validation error is nan')",
        "RuntimeError('out of memory')",
    ]
    resumed = _run(bench, url, n=8)
    assert len(resumed.evaluated) == 8 and not set(bench.calls) & set(calls[::3])


def test_five_failures_in_a_row_stop_the_search(bench: SyntheticQuality, url: str) -> None:
    def broken(architecture: Architecture) -> float:
        raise OSError("no such device")

    with pytest.raises(SearchError, match=r"5 failures in a row, the last: OSError\('no such device'\)"):
        _run(bench, url, evaluate=broken)
    assert _states(url) == ["FAIL"] * 5
    assert len(_run(bench, url).evaluated) == 6


# --------------------------------------------------------------- duplicates


def test_a_sampler_that_repeats_itself(make_space: Callable[..., SearchSpace], url: str) -> None:
    """Optuna's own random sampler, unwrapped: many parameter vectors, few networks, each evaluated once."""
    space = make_space(embed_dim=[16], depth=[1, 2], ratio=[1], precision=["float"], num_heads=[1, 2])
    bench = SyntheticQuality(space)
    result = _run(bench, url, n=12, sampler=RandomSampler(seed=0))
    assert set(bench.calls.values()) == {1} and set(bench.calls) == {e.key for e in result.evaluated}
    assert len(result.evaluated) == 12
    trials = _study(url).trials
    repeated = [t for t in trials if loop.DUPLICATE_OF in t.user_attrs]
    assert len(trials) == 12 + len(repeated) and len(repeated) > 3
    for trial in repeated:
        first = trials[trial.user_attrs[loop.DUPLICATE_OF]]
        assert trial.values == first.values and loop.DUPLICATE_OF not in first.user_attrs
    result = _run(bench, url, n=10**6, sampler=RandomSampler(seed=0))
    assert result.exhausted and len(result.evaluated) <= round(10**space.log10_size)
    assert set(bench.calls.values()) == {1}


# ------------------------------------------------------- resume, and refusal


def test_total_of_trials(bench: SyntheticQuality, url: str) -> None:
    seen: list[tuple[int, int]] = []
    _run(bench, url, n=4, progress=lambda done, total, message: seen.append((done, total)))
    assert seen == [(i, 4) for i in range(5)]
    assert len(_run(bench, url, n=4).evaluated) == 4 == sum(bench.calls.values())
    assert len(_run(bench, url, n=7, sampler="nsga2").evaluated) == 7 == sum(bench.calls.values())


def test_the_guided_search_is_the_same_interrupted_or_not(bench: SyntheticQuality, url: str) -> None:
    """Its batches are a function of the study, so a resume in the midst of one proposes the rest of it."""
    whole = [e.key for e in _run(bench, None, n=30, sampler="nasweave").evaluated]
    for stop in (2, 13, 18):

        def kill(done: int, total: int, message: str, stop: int = stop) -> None:
            if done == stop:
                raise Killed

        with pytest.raises(Killed):
            _run(bench, url, n=30, sampler="nasweave", progress=kill)
        assert _states(url) == ["COMPLETE"] * stop
    assert [e.key for e in _run(bench, url, n=30, sampler="nasweave").evaluated] == whole


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"identity": {"supernet": "b"}}, r"study s: expected the supernet it was started with \(a\), got b"),
        ({"problem": {"objectives": ("validation_error", "size_bytes")}}, "the objectives it was started with"),
        ({"problem": {"budget": Budget(limits={"flops": 1e9})}}, "the budget it was started with"),
    ],
)
def test_another_search_is_refused(bench: SyntheticQuality, url: str, changes: Mapping[str, Any], message: str) -> None:
    _run(bench, url, n=2, identity={"supernet": "a"})
    with pytest.raises(StoreError, match=message):
        _run(bench, url, **{"identity": {"supernet": "a"}, **changes})


def test_another_space_is_refused(bench: SyntheticQuality, make_space: Callable[..., SearchSpace], url: str) -> None:
    _run(bench, url, n=2)
    with pytest.raises(StoreError, match="the space it was started with"):
        _run(SyntheticQuality(make_space(depth=[1, 2])), url)


def test_no_database(bench: SyntheticQuality, tmp_path: Path) -> None:
    (tmp_path / "a.db").write_text("not a database, but a text of some length")
    with pytest.raises(StoreError, match=r"a\.db"):
        _run(bench, f"sqlite:///{tmp_path}/a.db")


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
        _run(bench, None, **changes)


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
        result = _run(bench, url, n=8, sampler="nasweave", recorder=recorder)
        assert space.largest.key not in bench.calls
        found = next(e for e in result.evaluated if e.key == space.largest.key)
        assert found.values["validation_error"] == 12.5
        stored = {c.key: c for c in store.candidates(run.id)}
    assert stored.keys() == {e.key for e in result.evaluated}
    for e in result.evaluated:
        assert stored[e.key].values == e.values
        assert stored[e.key].architecture == e.architecture


def test_what_a_dashboard_shows(bench: SyntheticQuality, url: str) -> None:
    _run(bench, url, n=2)
    study = _study(url)
    assert study.metric_names == ["validation_error", "latency_ms"]
    for trial in study.trials:
        assert trial.params.keys() == distributions(bench.space).keys()
        assert isinstance(trial.params["layer0.mixer"], str) and not trial.user_attrs


def test_optunas_log_is_quiet_and_restored(bench: SyntheticQuality, capfd: pytest.CaptureFixture[str]) -> None:
    optuna.logging.set_verbosity(optuna.logging.INFO)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for sampler in ("nasweave", "tpe", "nsga2"):
            _run(bench, None, n=12, sampler=sampler)
    assert optuna.logging.get_verbosity() == optuna.logging.INFO
    assert capfd.readouterr() == ("", "")
