"""A search that is killed or interrupted anywhere goes on: nothing is lost, nothing is done twice."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from optuna.storages import RDBStorage
from optuna.trial import TrialState

from runs.objectives import Budget
from runs.search import loop
from runs.search.optuna.genes import genes_of
from runs.search.optuna.private import _ParametersAtOnce, constraints_of
from search_space import Architecture, SearchSpace
from tests.runs.search.one_study import Killed, load_study, run_once, states
from tests.runs.search.problem import Memory, SyntheticQuality


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/a.db"


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
            run_once(bench, url, recorder=memory, problem={"budget": Budget(limits={"latency_ms": 3.0})})
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
        result = run_once(bench, url, recorder=memory, problem={"budget": Budget(limits={"latency_ms": 3.0})})
        keys = [e.key for e in result.evaluated]
        assert len(keys) == len(set(keys)) == 6 == len(memory.rows)
        assert recorded <= set(keys)
        assert sum(bench.calls.values()) <= 8, "a kill repeats one evaluation at most"
        trials = load_study(url).trials
        complete = [t for t in trials if t.state == TrialState.COMPLETE]
        assert not [t for t in trials if t.state in (TrialState.RUNNING, TrialState.WAITING)]
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
        run_once(bench, url, recorder=memory)
    assert states(url) == ["RUNNING"] and len(memory.rows) == 1 == sum(bench.calls.values())
    result = run_once(bench, url, n=1, recorder=memory)
    assert states(url) == ["COMPLETE"] and sum(bench.calls.values()) == 1
    assert result.evaluated[0].key in memory.rows and not result.failed


def test_ctrl_c_leaves_a_search_that_continues(bench: SyntheticQuality, url: str) -> None:
    """The interrupted network is tried once more, and not a third time."""
    tried: list[str] = []

    def interrupt(architecture: Architecture) -> float:
        tried.append(architecture.key)
        raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            run_once(bench, url, evaluate=interrupt)
    assert tried[0] == tried[1]
    assert states(url) == ["FAIL", "RUNNING"]
    result = run_once(bench, url)
    assert len(result.evaluated) == 6 and result.failed == 2
    assert tried[0] not in bench.calls
    reasons = [t.user_attrs["reason"] for t in load_study(url).trials if t.state == TrialState.FAIL]
    assert ["twice" in reason for reason in reasons] == [False, True]


def test_the_guided_search_is_the_same_interrupted_or_not(bench: SyntheticQuality, url: str) -> None:
    """Its batches are a function of the study, so a resume in the midst of one proposes the rest of it."""
    whole = [e.key for e in run_once(bench, None, n=30, sampler="nasweave").evaluated]
    for stop in (2, 13, 18):

        def kill(done: int, total: int, message: str, stop: int = stop) -> None:
            if done == stop:
                raise Killed

        with pytest.raises(Killed):
            run_once(bench, url, n=30, sampler="nasweave", progress=kill)
        assert states(url) == ["COMPLETE"] * stop
    assert [e.key for e in run_once(bench, url, n=30, sampler="nasweave").evaluated] == whole
