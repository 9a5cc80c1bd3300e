"""Several workers of one search: none does another's work."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from runs.objectives import Budget
from runs.search import (
    SearchResult,
)
from runs.search.workers.session import Session
from runs.store import Store
from search_space import Architecture, SearchSpace
from tests.runs.search.problem import SyntheticQuality
from tests.runs.search.worker_processes import check, work


@pytest.mark.parametrize("sampler", ["random", "nasweave"])
def test_workers_share_the_work(bench: SyntheticQuality, url: str, sampler: str) -> None:
    """Threads stand for processes; each has its own store, study and name."""
    started: list[tuple[str, str]] = []

    def one(name: str) -> SearchResult:
        def evaluate(architecture: Architecture) -> float:
            started.append((name, architecture.key))
            time.sleep(0.02)
            return bench.evaluate(architecture)

        return work(bench, url, name, n=24, evaluate=evaluate, sampler=sampler)

    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(one, ("a", "b", "c")))
    check(bench, url, 24)
    assert len(started) == 24 == len({key for _, key in started})
    assert {name for name, _ in started} == {"a", "b", "c"}
    assert all({e.key for e in r.evaluated} == {key for _, key in started} for r in results)


def test_a_total_is_a_total_and_can_be_extended(bench: SyntheticQuality, url: str) -> None:
    seen: list[tuple[int, int]] = []
    work(bench, url, "a", n=3, progress=lambda done, total, message: seen.append((done, total)))
    assert seen == [(i, 3) for i in range(4)]
    work(bench, url, "b", n=3)
    assert len(work(bench, url, "c", n=5).evaluated) == 5
    check(bench, url, 5)
    assert sum(bench.calls.values()) == 5


def test_one_worker_finds_what_a_search_alone_finds(bench: SyntheticQuality, url: str) -> None:
    alone = bench.search(bench.problem(20, budget=Budget(limits={"flops": 1e6})))
    together = work(bench, url, "a", n=20, sampler="nasweave")
    assert [e.key for e in alone.evaluated] == [e.key for e in together.evaluated]


def test_a_search_that_was_not_shared_before(bench: SyntheticQuality, url: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Session, "read", lambda self: None)
        work(bench, url, "a", n=4)
    with Store.open(url) as store, store._write() as session:
        session.connection().exec_driver_sql("DELETE FROM nasweave_claims")
    work(bench, url, "b", n=6)
    check(bench, url, 6)
    assert sum(bench.calls.values()) == 6


def test_a_small_space_ends_for_every_worker(make_space: Callable[..., SearchSpace], url: str) -> None:
    space = make_space(embed_dim=[16], depth=[1], ratio=[1], precision=["float"], num_heads=[1, 2])
    bench, networks = SyntheticQuality(space), round(10**space.log10_size)
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda name: work(bench, url, name, n=100), ("a", "b")))
    assert all(result.exhausted for result in results)
    check(bench, url, networks)
    assert sum(bench.calls.values()) == networks
