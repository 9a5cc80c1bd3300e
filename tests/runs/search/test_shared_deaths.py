"""A worker that dies, leaves or falls silent: the others lose nothing, wherever it was."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState

from runs.search import StoreRecorder
from runs.search.workers import claims_loop
from runs.store import Claims
from search_space import Architecture, SearchSpace
from tests.runs.databases import postgresql_schema
from tests.runs.search.problem import SyntheticQuality
from tests.runs.search.worker_processes import FAST, check, work


class Killed(BaseException):
    """Stands for kill -9: nothing of ours may catch it."""


STEPS = ("ask", "_take", "evaluate", "_complete")
CLAIMS = ("reserve", "take", "finish")


def killed_at(bench: SyntheticQuality, url: str, at: float) -> int:
    """Work until the step ``at``, before or after one of those that matter; return how many were made."""
    steps = 0

    def around(function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            nonlocal steps
            for moment in range(2):
                result = function(*args, **kwargs) if moment else None
                steps += 1
                if steps == at:
                    raise Killed
            return result

        return wrapped

    with pytest.MonkeyPatch.context() as patch:
        for name in STEPS:
            patch.setattr(claims_loop.SharedSearch, name, around(getattr(claims_loop.SharedSearch, name)))
        for name in CLAIMS:
            patch.setattr(Claims, name, around(getattr(Claims, name)))
        patch.setattr(StoreRecorder, "add", around(StoreRecorder.add))
        patch.setattr(claims_loop, "finish", around(claims_loop.finish))
        patch.setattr(Claims, "leave", lambda self: None)  # a killed process says no good-bye
        try:
            work(bench, url, f"killed at {at}", n=3, watch=FAST)
        except Killed:
            assert steps == at
    return steps


def test_killed_anywhere(space: SearchSpace, tmp_path: Path) -> None:
    """At each step of the first networks: nothing is lost or doubled, and one evaluation at most is repeated."""
    steps = killed_at(SyntheticQuality(space), f"sqlite+journal:///{tmp_path}/whole.db", math.inf)
    assert steps > 30
    for at in range(1, 20, 2):
        bench, url = SyntheticQuality(space), f"sqlite+journal:///{tmp_path}/{at}.db"
        killed_at(bench, url, at)
        done = sum(bench.calls.values())
        assert done <= 2
        work(bench, url, "heir", n=3, watch=FAST)
        check(bench, url, 3)
        assert sum(bench.calls.values()) <= 4 and set(bench.calls.values()) <= {1, 2}


def test_killed_on_postgresql(space: SearchSpace) -> None:
    for at in (6, 9, 12):
        with postgresql_schema() as url:
            bench = SyntheticQuality(space)
            killed_at(bench, url, at)
            work(bench, url, "heir", n=3, watch=FAST)
            check(bench, url, 3)


def test_a_network_is_tried_twice_and_no_more(bench: SyntheticQuality, url: str) -> None:
    tried: list[str] = []

    def die(architecture: Architecture) -> float:
        tried.append(architecture.key)
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Claims, "leave", lambda self: None)
        with pytest.raises(Killed):
            work(bench, url, "a", n=2, evaluate=die, watch=FAST)

        def die_if_it_is_that(architecture: Architecture) -> float:
            if architecture.key == tried[0]:
                die(architecture)
            return bench.evaluate(architecture)

        with pytest.raises(Killed):
            work(bench, url, "b", n=2, evaluate=die_if_it_is_that, watch=FAST)
    work(bench, url, "c", n=2, watch=FAST)
    assert tried[0] == tried[1] and tried[0] not in bench.calls
    trials = check(bench, url, 2, failed=1)
    reasons = [t.user_attrs["reason"] for t in trials if t.state == TrialState.FAIL]
    assert reasons == ["its workers ended during its evaluation, twice"]


def test_leaving_hands_over_at_once_and_costs_no_attempt(bench: SyntheticQuality, url: str) -> None:
    tried: list[str] = []

    def interrupt(architecture: Architecture) -> float:
        tried.append(architecture.key)
        raise KeyboardInterrupt

    for name in ("a", "b", "c"):
        with pytest.raises(KeyboardInterrupt):
            work(bench, url, name, n=2, evaluate=interrupt)
    assert len(tried) == 3 and len(set(tried)) == 1
    work(bench, url, "d", n=2)
    check(bench, url, 2)
    assert bench.calls[tried[0]] == 1


def test_a_silent_worker_that_comes_back_changes_nothing(bench: SyntheticQuality, url: str) -> None:
    """It is stopped during an evaluation, another one does its work, it wakes and goes on with other networks."""
    woken, silent = threading.Event(), threading.Event()

    def sleep_once(architecture: Architecture) -> float:
        if not silent.is_set():
            silent.set()
            assert woken.wait(20)
        return bench.evaluate(architecture)

    beats = Claims.beat

    def beat(self: Claims) -> None:
        if self.worker != "sleeper" or not silent.is_set() or woken.is_set():
            beats(self)

    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(1) as pool:
        patch.setattr(Claims, "beat", beat)
        sleeper = pool.submit(work, bench, url, "sleeper", n=4, evaluate=sleep_once, watch=FAST)
        assert silent.wait(20)
        work(bench, url, "other", n=4, watch=FAST)
        woken.set()
        sleeper.result(timeout=20)
    check(bench, url, 4)
