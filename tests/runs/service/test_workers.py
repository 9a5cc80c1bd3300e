"""Several workers for one search: one job of many, whose first decides what becomes of the run."""

from __future__ import annotations

import pytest

from runs.app.jobs.telling import TellingReporter
from runs.reporter import SilentReporter
from runs.store.service.jobs import Jobs
from runs.store.service.submissions import Submissions
from tests.runs.service.test_jobs import database, nothing, states, submit

__all__ = ["database"]


def verbs(jobs: Jobs, run: int, *, state: str) -> list[str]:
    return [job.verb for job in jobs.of(run) if job.state == state]


@pytest.fixture
def shared(database):
    """A run that searches on host h, with two workers that wait, and another run that waits behind it."""
    run, other = submit(database, "a", "b")
    jobs = Jobs(database)
    main = jobs.claim(runner="r", host="h", lacks=nothing)
    for _ in range(2):  # as a search that begins again does
        jobs.share(main.id, 1, {"verb": "run"}, workers=2)
    return jobs, run, other, main


def test_workers_are_queued_once_and_only_by_the_attempt_that_searches(shared):
    jobs, run, _other, main = shared
    assert verbs(jobs, run, state="queued") == ["worker", "worker"]
    jobs.share(main.id, 2, {"verb": "run"}, workers=5)
    assert len(jobs.of(run)) == 3


def test_workers_run_where_there_is_room_and_nothing_measures_beside_them(database, shared):
    jobs, run, other, _main = shared
    one = jobs.claim(runner="s", host="h", lacks=nothing)
    assert (one.submission_id, one.verb) == (run, "worker"), "beside the search that it shares"
    assert jobs.claim(runner="s", host="i", lacks=nothing).submission_id == other, "the oldest that fits an empty host"
    assert jobs.claim(runner="s", host="i", lacks=nothing) is None, "no worker runs beside what another run measures"
    two = jobs.claim(runner="t", host="j", lacks=nothing)
    assert (two.verb, two.host) == ("worker", "j")
    submit(database, "c")
    assert jobs.claim(runner="t", host="j", lacks=nothing) is None, "what measures waits for the worker"
    jobs.finish(two.id, 1, "done")
    assert jobs.claim(runner="t", host="j", lacks=nothing).verb == "run"


def test_a_search_that_died_begins_again_beside_its_workers(database, shared):
    jobs, run, _other, main = shared
    jobs.claim(runner="s", host="h", lacks=nothing)
    jobs.died(main.id, 1, how="signal 9")
    assert states(database, run) == ["queued"] and verbs(jobs, run, state="running") == ["worker"]
    again = jobs.claim(runner="r", host="h", lacks=nothing)
    assert (again.id, again.attempt) == (main.id, 2)
    jobs.share(again.id, 2, {"verb": "run"}, workers=2)
    assert len(jobs.of(run)) == 3


def test_a_worker_that_fails_or_dies_is_not_the_end_of_its_run(database, shared):
    jobs, run, _other, _main = shared
    for _ in range(3):
        worker = jobs.claim(runner="s", host="h", lacks=lambda job: None if job.verb == "worker" else "all")
        jobs.died(worker.id, worker.attempt, how="signal 9")
    assert jobs.get(worker.id).state == "failed" and states(database, run) == ["running"]
    told = [event.data["text"] for event in Submissions(database).events(run) if event.kind == "message"]
    assert f"worker, job {worker.id}: running on runner s" in told and "ended early (signal 9)" in told[-1]


@pytest.mark.parametrize("state", ["done", "failed", "stopped"])
def test_workers_end_with_the_job_that_they_are_of(database, shared, state):
    jobs, run, _other, main = shared
    worker = jobs.claim(runner="s", host="h", lacks=nothing)
    jobs.finish(main.id, 1, state)
    assert jobs.beat(worker.id, 1) == "stop" and verbs(jobs, run, state="queued") == []
    jobs.finish(worker.id, 1, "stopped")
    assert states(database, run) == [state]


def test_a_run_is_stopped_with_its_workers(database, shared):
    jobs, run, _other, main = shared
    worker = jobs.claim(runner="s", host="h", lacks=nothing)
    jobs.stop(run)
    assert jobs.beat(main.id, 1) == jobs.beat(worker.id, 1) == "stop" and verbs(jobs, run, state="queued") == []
    jobs.finish(worker.id, 1, "stopped")
    assert states(database, run) == ["running"], "as long as its own job is"
    jobs.finish(main.id, 1, "stopped")
    assert states(database, run) == ["stopped"]


def test_what_begins_is_told(database):
    (run,) = submit(database, "a")
    began = []
    reporter = TellingReporter(Submissions(database), run, SilentReporter(), began=began.append)
    for title in ("profile", "search"):
        with reporter.progress(title):
            assert began[-1] == title
