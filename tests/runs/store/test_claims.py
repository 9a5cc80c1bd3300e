"""Claims: each network to one worker, what the dead leave to one other, and no clock but the database's."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import text

from runs.store import Claim, Claims, Run, Store, exact, repository
from search_space.errors import StoreError

GRACE_S = 60.0


def member(store: Store, run: Run, name: str, **identity: str) -> Claims:
    claims = Claims(store, run_id=run.id, worker=name, grace_s=GRACE_S)
    claims.join({"code": "1", **identity})
    return claims


def age(store: Store, worker: str, *, silent_s: float, joined_s: float = 0.0) -> None:
    """Let a worker have been silent for so long, and have joined so much earlier."""
    with store._write() as session:
        session.execute(
            text(
                "UPDATE nasweave_workers SET heartbeat_s = heartbeat_s - :silent,"
                " alive_since_s = alive_since_s - :joined WHERE name = :name"
            ),
            {"silent": silent_s, "joined": joined_s, "name": worker},
        )


def taken(claims: Claims, key: str, number: int) -> Claim:
    place = claims.reserve(100)
    assert place is not None
    return claims.take(place, key=key, trial_number=number)


def test_no_more_places_than_networks_are_wanted(store: Store, run: Run) -> None:
    """Eight workers at once, each with one place at a time."""
    worker_group = [member(store, run, f"w{i}") for i in range(8)]
    with ThreadPoolExecutor(8) as pool:
        places = list(pool.map(lambda claims: claims.reserve(5), worker_group))
    assert sum(place is not None for place in places) == 5
    assert worker_group[0].counts().running == 5 and worker_group[0].counts().taken == 0
    holder = next(i for i, place in enumerate(places) if place is not None)
    assert worker_group[holder].reserve(5) == places[holder], (
        "asking again, when the answer was lost, gives the same place"
    )
    worker_group[holder].release(places[holder])
    assert sum(claims.reserve(5) is not None for claims in worker_group) == 5


def test_one_network_goes_to_one_worker(store: Store, run: Run) -> None:
    worker_group = [member(store, run, f"w{i}") for i in range(6)]
    with ThreadPoolExecutor(6) as pool:
        claims = list(pool.map(lambda numbered: taken(numbered[1], "k", numbered[0]), enumerate(worker_group)))
    assert len({claim.worker for claim in claims}) == 1 == len({claim.id for claim in claims})
    winner = next(c for c in worker_group if c.worker == claims[0].worker)
    assert taken(winner, "k", claims[0].trial_number) == claims[0]
    assert winner.finish(claims[0], "complete") and winner.counts().complete == 1
    assert taken(worker_group[0], "k", 77).state == "complete"


def test_total_counts_what_is_complete_and_not_what_failed(store: Store, run: Run) -> None:
    one = member(store, run, "one")
    one.finish(taken(one, "a", 0), "complete")
    one.finish(taken(one, "b", 1), "failed", reason="out of memory")
    assert one.reserve(1) is None
    assert one.reserve(2) is not None
    assert (one.counts().complete, one.counts().failed, one.counts().running) == (1, 1, 1)


def test_a_claim_that_another_excludes_waits_until_that_is_done(store: Store, run: Run) -> None:
    one, other = member(store, run, "one"), member(store, run, "other")
    first = one.take(one.reserve(9), key="k@50", work={"network": "k", "steps": 50})
    place = other.reserve(9)
    assert first.work == {"network": "k", "steps": 50} and other.running() == [first, place]

    def take() -> Claim:
        work = {"network": "k", "steps": 100}
        return other.take(place, key="k@100", work=work, excludes=lambda claim: claim.work["network"] == "k")

    assert take() == first and other.running() == [first, place]
    one.finish(first, "complete")
    assert (take().key, take().worker, take().id) == ("k@100", "other", place.id), "and again, it is the same"


def test_what_the_dead_leave_goes_to_one_other(store: Store, run: Run) -> None:
    dead, *others = (member(store, run, name) for name in ("dead", "b", "c"))
    claim, _place = taken(dead, "k", 0), dead.reserve(100)
    for other in others:
        age(store, other.worker, silent_s=0, joined_s=2 * GRACE_S)
        assert other.abandoned() == []
    age(store, "dead", silent_s=2 * GRACE_S)
    left = [other.abandoned() for other in others]
    assert left[0] == left[1] and [c.key for c in left[0]] == ["k", None]
    with ThreadPoolExecutor(2) as pool:
        heirs = list(pool.map(lambda other: [other.take_over(c) for c in left[0]], others))
    (got,) = [c for c in (*heirs[0], *heirs[1]) if c is not None]
    assert (got.id, got.key, got.attempt) == (claim.id, "k", 2), "the place without a network is dissolved"
    assert not dead.is_mine(claim) and not dead.finish(claim, "complete")
    with pytest.raises(LookupError):
        dead.take(_place, key="other", trial_number=5)
    assert dead.counts().running == 1


def test_who_just_joined_or_was_cut_off_takes_nothing_over(store: Store, run: Run) -> None:
    """After an outage of the database all are silent: the first to come back must not rob the others."""
    first, second = member(store, run, "first"), member(store, run, "second")
    taken(second, "k", 0)
    for name in ("first", "second"):
        age(store, name, silent_s=2 * GRACE_S, joined_s=9 * GRACE_S)
    assert first.abandoned() == []
    assert first.abandoned() == [], "its heartbeats are not regular yet"
    late = member(store, run, "late")
    assert late.abandoned() == []
    age(store, "first", silent_s=0, joined_s=2 * GRACE_S)
    assert [c.key for c in first.abandoned()] == ["k"]
    second.beat()
    assert first.abandoned() == []


def test_leaving_frees_places_and_hands_over_without_counting(store: Store, run: Run) -> None:
    leaver, other = member(store, run, "leaver"), member(store, run, "other")
    taken(leaver, "k", 0)
    leaver.reserve(100)
    leaver.leave()
    (left,) = other.abandoned()
    assert left.key == "k"
    assert other.take_over(left).attempt == 1
    assert other.workers() == ["other"]


def test_clocks_of_hosts_do_not_matter(store: Store, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    here = member(store, run, "here")
    age(store, "here", silent_s=0, joined_s=2 * GRACE_S)
    for hours in (-5, 5):
        with monkeypatch.context() as patch:
            shifted, now = time.time() + 3600 * hours, exact.utc_now()
            patch.setattr(time, "time", lambda shifted=shifted: shifted)
            patch.setattr(repository, "utc_now", lambda now=now, hours=hours: now + timedelta(hours=hours))
            there = member(store, run, f"{hours} hours off")
            taken(there, str(hours), hours + 5)
            there.beat()
            age(store, there.worker, silent_s=0, joined_s=2 * GRACE_S)
            assert there.abandoned() == []
        assert here.abandoned() == []
    assert len(here.workers()) == 3
    age(store, "5 hours off", silent_s=2 * GRACE_S)
    assert [c.key for c in here.abandoned()] == ["5"]


def test_other_versions_are_refused_while_their_workers_live(store: Store, run: Run) -> None:
    old = member(store, run, "old", checkpoint="x")
    with pytest.raises(StoreError, match=r"worker new: expected the checkpoint of worker old \(x\), got y; give all"):
        member(store, run, "new", checkpoint="y")
    with pytest.raises(StoreError, match=r"expected the code of worker old \(1\), got 2"):
        Claims(store, run_id=run.id, worker="new", grace_s=GRACE_S).join({"code": "2", "checkpoint": "x"})
    assert old.workers() == ["old"]
    age(store, "old", silent_s=2 * GRACE_S)
    member(store, run, "new", checkpoint="y").leave()
    member(store, run, "newest", checkpoint="z")


def test_trials_that_nobody_can_claim(store: Store, run: Run) -> None:
    one, other = member(store, run, "one"), member(store, run, "other")
    taken(one, "k", 3)
    assert one.unclaimed([2, 3, 4]) == [2, 4] and one.unclaimed([]) == []
    place = other.reserve(100)
    assert one.unclaimed([2, 3, 4]) == [], "other may be about to take one of them"
    other.release(place)
    assert one.unclaimed([2, 3]) == [2]


def test_adopted_networks_are_those_of_a_search_that_was_not_shared(store: Store, run: Run) -> None:
    one = member(store, run, "one")
    one.adopt((str(i), i, "complete") for i in range(2500))
    one.adopt([("7", 7, "complete"), ("new", 9000, "complete")])
    assert one.counts().complete == 2501 == one.counts().taken
    assert one.reserve(2501) is None
