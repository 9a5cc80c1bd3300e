"""What stops workers of a shared search: failures, other versions, other searches, a database that is away."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from runs.search import SearchError, StoreRecorder
from runs.search.workers import claims_loop, patience
from runs.store import Claims
from runs.store.failures import UnreachableError
from search_space import Architecture, SearchSpace
from search_space.errors import StoreError
from tests.runs.search.problem import SyntheticQuality
from tests.runs.search.worker_processes import FAST, check, work


def test_failures_are_everybodys(bench: SyntheticQuality, url: str) -> None:
    calls: list[str] = []

    def sometimes(architecture: Architecture) -> float:
        calls.append(architecture.key)
        if len(calls) % 2:
            raise RuntimeError("out of memory")
        return bench.evaluate(architecture)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda name: work(bench, url, name, n=4, evaluate=sometimes), ("a", "b")))
    assert len(calls) == len(set(calls))
    trials = check(bench, url, 4, failed=len(calls) - 4)
    assert "RuntimeError('out of memory')" in [t.user_attrs.get("reason") for t in trials]


def test_five_failures_in_a_row_stop_one_worker(bench: SyntheticQuality, url: str) -> None:
    def broken(architecture: Architecture) -> float:
        raise OSError("no such device")

    with pytest.raises(SearchError, match=r"5 failures in a row, the last: OSError\('no such device'\)"):
        work(bench, url, "a", evaluate=broken)
    work(bench, url, "b", n=3)
    check(bench, url, 3, failed=5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"versions": {"code": "2"}},
            r"worker b: expected the code of worker a \(1\), got 2; give all workers the same",
        ),
        ({"versions": {"code": "1", "checkpoint": "y"}}, r"expected the checkpoint of worker a \(None\), got y"),
        ({"identity": {"supernet": "z"}}, r"expected the supernet of worker a \(None\), got z"),
    ],
)
def test_other_versions_are_refused_while_others_work(
    bench: SyntheticQuality, url: str, changes: dict[str, Any], message: str
) -> None:
    def evaluate(architecture: Architecture) -> float:
        if not bench.calls:
            with pytest.raises(StoreError, match=message):
                work(bench, url, "b", n=2, **changes)
        return bench.evaluate(architecture)

    work(bench, url, "a", n=2, evaluate=evaluate)
    check(bench, url, 2)


def test_another_search_is_refused(bench: SyntheticQuality, make_space: Callable[..., SearchSpace], url: str) -> None:
    work(bench, url, "a", n=2, identity={"supernet": "a"})
    with pytest.raises(StoreError, match=r"study s: expected the supernet it was started with \(a\), got b"):
        work(bench, url, "b", n=2, identity={"supernet": "b"})


# --------------------------------------------------------------------- outages


def test_an_outage_is_waited_for(bench: SyntheticQuality, url: str) -> None:
    """A quarter of the operations fail, before or after they have taken effect."""
    calls, rng = 0, np.random.default_rng(0)

    def unreliable(function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            calls += 1
            if rng.random() < 0.25:
                if rng.random() < 0.5:
                    function(*args, **kwargs)
                raise UnreachableError("database", expected="a server", got="none", remedy="wait")
            return function(*args, **kwargs)

        return wrapped

    with pytest.MonkeyPatch.context() as patch:
        for name in ("reserve", "take", "finish", "counts", "is_mine", "abandoned"):
            patch.setattr(Claims, name, unreliable(getattr(Claims, name)))
        patch.setattr(claims_loop.SharedSearch, "ask", unreliable(claims_loop.SharedSearch.ask))
        patch.setattr(StoreRecorder, "add", unreliable(StoreRecorder.add))
        patch.setattr(claims_loop, "finish", unreliable(claims_loop.finish))
        patch.setattr(patience, "_FIRST_PAUSE_S", 0.001)
        work(bench, url, "a", n=6)
    assert calls > 40
    check(bench, url, 6)
    assert sum(bench.calls.values()) == 6


def test_an_outage_that_lasts_stops_the_worker_and_the_next_continues(bench: SyntheticQuality, url: str) -> None:
    def gone(*args: Any, **kwargs: Any) -> None:
        raise UnreachableError("database", expected="a server", got="none", remedy="wait")

    def evaluate(architecture: Architecture) -> float:
        if len(bench.calls) == 2:
            patch.setattr(StoreRecorder, "add", gone)
            patch.setattr(Claims, "leave", gone)
        return bench.evaluate(architecture)

    short = replace(FAST, patience_s=0.1)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(UnreachableError):
        work(bench, url, "a", n=4, evaluate=evaluate, watch=short)
    work(bench, url, "b", n=4, watch=FAST)
    check(bench, url, 4)
    assert sum(bench.calls.values()) == 5, "the evaluation whose result could not be recorded is repeated"
