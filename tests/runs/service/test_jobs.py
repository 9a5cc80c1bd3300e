"""Jobs on SQLite and PostgreSQL: claimed once, fenced by their attempt, put back when silent, alone to measure."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from runs.service.runner import loop
from runs.service.runner.loop import Runner
from runs.service.settings import RunnerSettings
from runs.service.work import open_log
from runs.store.database import Database
from runs.store.service.datasets import Datasets
from runs.store.service.jobs import Jobs
from runs.store.service.records import Job
from runs.store.service.runners import Runners
from runs.store.service.submissions import Submissions
from tests.runs.databases import postgresql_schema


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        with Database.open(f"sqlite:///{tmp_path}/a.db") as opened:
            yield opened
        return
    with postgresql_schema() as url, Database.open(url) as opened:
        yield opened


def nothing(job: Job) -> str | None:
    return None


def submit(database: Database, *keys: str, is_exclusive: bool = True, owner: str = "ann", **job: object) -> list[int]:
    runs = Submissions(database)
    return [
        runs.submit(
            key=key, owner=owner, name=key, task="digits", document={}, digest="", folder=f"digits/{key}",
            job={"verb": "run", "is_exclusive": is_exclusive, **job},
        )[0].id
        for key in keys
    ]  # fmt: skip


def states(database: Database, *numbers: int) -> list[str]:
    return [Submissions(database).by_id(number).state for number in numbers]


def test_the_life_of_a_job(database):
    (run,) = submit(database, "a")
    jobs = Jobs(database)
    assert states(database, run) == ["queued"]
    job = jobs.claim(runner="r", host="h", lacks=nothing)
    assert job is not None and (job.attempt, job.runner, job.host) == (1, "r", "h")
    assert states(database, run) == ["running"] and jobs.claim(runner="s", host="i", lacks=nothing) is None
    assert jobs.beat(job.id, 1, process=7) == "go on" and jobs.get(job.id).process == 7
    assert jobs.finish(job.id, 1, "done") and states(database, run) == ["done"]
    assert not jobs.finish(job.id, 1, "failed") and jobs.beat(job.id, 1) == "leave"
    events = Submissions(database).events(run)
    assert [e.number for e in events] == [1, 2, 3] and [e.data["state"] for e in events] == [
        "queued",
        "running",
        "done",
    ]
    # all the times are those of the database
    job = jobs.get(job.id)
    assert job.created_s <= job.started_s <= job.heartbeat_s <= job.finished_s


def test_every_job_is_claimed_once(database):
    runs = submit(database, *(f"k{n}" for n in range(12)), is_exclusive=False)
    jobs = Jobs(database)

    def take(n: int) -> int | None:
        job = jobs.claim(runner=f"r{n}", host=f"h{n}", lacks=nothing)
        return None if job is None else job.submission_id

    with ThreadPoolExecutor(4) as threads:
        taken = list(threads.map(take, range(16)))
    assert sorted(number for number in taken if number is not None) == sorted(runs)


@pytest.mark.parametrize("ends", [True, False])
def test_owners_have_their_turns(database, ends):
    ann = submit(database, *(f"a{n}" for n in range(5)), is_exclusive=False)
    (eve,) = submit(database, "e", is_exclusive=False, owner="eve")
    bob = submit(database, "b0", "b1", is_exclusive=False, owner="bob")
    jobs, taken = Jobs(database), []
    expected = [ann[0], eve, bob[0], ann[1], bob[1], *ann[2:]]
    while (job := jobs.claim(runner="r", host="h", lacks=nothing)) is not None:
        assert jobs.waiting() == expected[len(taken) + 1 :]
        taken.append(job.submission_id)
        if ends:  # a runner of one slot, which is free whenever it asks
            jobs.finish(job.id, 1, "done")
    assert taken == expected


def test_who_has_fewer_jobs_that_run_comes_first_whatever_has_ended(database):
    submit(database, "a0", "a1", "a2", is_exclusive=False)
    submit(database, "b0", "b1", is_exclusive=False, owner="bob")
    jobs = Jobs(database)
    ann, bob, _ = (jobs.claim(runner="r", host="h", lacks=nothing) for _ in range(3))
    jobs.finish(bob.id, 1, "done")
    jobs.finish(ann.id, 1, "done")
    owner = Submissions(database).by_id(jobs.claim(runner="r", host="h", lacks=nothing).submission_id).owner
    assert owner == "bob", "of whom none runs, though the job of ann was longer ago"


def test_what_measures_has_its_host_for_itself(database):
    jobs = Jobs(database)
    submit(database, "a", "b", is_exclusive=False)
    submit(database, "c")
    submit(database, "d", is_exclusive=False)
    first = [jobs.claim(runner="r", host="h", lacks=nothing) for _ in range(3)]
    assert first[2] is None, "the third waits until the host is free, and the fourth does not overtake it"
    for job in first[:2]:
        jobs.finish(job.id, 1, "done")
    measuring = jobs.claim(runner="r", host="h", lacks=nothing)
    assert measuring.is_exclusive and jobs.claim(runner="r", host="h", lacks=nothing) is None
    assert jobs.claim(runner="s", host="other", lacks=nothing) is not None


def test_a_job_is_given_to_a_machine_that_it_fits(database):
    submit(database, "a", "b")
    jobs = Jobs(database)
    second = jobs.active()[1].id
    assert jobs.claim(runner="r", host="h", lacks=lambda job: None if job.id == second else "all").id == second


def test_a_machine_without_data_or_folder_takes_no_job_and_says_so(database, tmp_path, monkeypatch):
    process = subprocess.Popen(["true"])
    process.wait()
    monkeypatch.setattr(loop, "start", lambda job, key, settings: process)
    Datasets(database).register("flowers", task="csv", options={"path": str(tmp_path / "flowers.csv")})
    (run,) = submit(database, "a", needs={"dataset": "flowers"})
    jobs = Jobs(database)
    here, there = (
        Runner(database, RunnerSettings(outputs=str(tmp_path / host), name=host, host=host))
        for host in ("here", "there")
    )
    for runner in (here, there):
        runner.join()
    open_log(tmp_path / "here", "a")

    def lacking() -> dict[str, str]:
        assert here.turn() and there.turn()
        return jobs.of(run)[0].refusals

    files = "the files of the data set flowers, at the place where they are registered"
    assert lacking() == {"here": files, "there": files}
    monkeypatch.setitem(here._able, "accelerators", [])
    (tmp_path / "flowers.csv").touch()
    told = lacking()
    assert told["here"] == "the accelerator cpu" and told["there"].startswith("the server's folder of outputs")
    assert str(tmp_path) not in str(told) and jobs.of(run)[0].state == "queued"
    monkeypatch.setitem(here._able, "accelerators", ["cpu"])
    assert lacking() == {} and jobs.of(run)[0].host == "here"


def test_a_process_that_was_taken_for_dead_changes_nothing_any_more(database):
    (run,) = submit(database, "a")
    jobs = Jobs(database)
    old = jobs.claim(runner="r", host="h", lacks=nothing)
    assert jobs.died(old.id, 1, how="no sign of life")
    new = jobs.claim(runner="s", host="i", lacks=nothing)
    assert (new.id, new.attempt) == (old.id, 2)
    assert jobs.beat(old.id, 1) == "leave" and not jobs.finish(old.id, 1, "failed") and not jobs.died(old.id, 1, how="")
    assert jobs.finish(new.id, 2, "done") and states(database, run) == ["done"]


def test_a_job_fails_after_three_attempts_and_says_why(database):
    (run,) = submit(database, "a")
    jobs = Jobs(database)
    for attempt in (1, 2, 3):
        job = jobs.claim(runner="r", host="h", lacks=nothing)
        assert job.attempt == attempt and jobs.died(job.id, attempt, how="signal 9")
    assert jobs.claim(runner="r", host="h", lacks=nothing) is None and states(database, run) == ["failed"]
    assert "signal 9" in jobs.of(run)[0].reason["got"]


def test_a_job_that_cannot_be_started_says_why_and_the_runner_lives_on(database, tmp_path):
    (run,) = submit(database, "a")
    (tmp_path / "service" / "a.log").mkdir(parents=True)
    runner = Runner(database, RunnerSettings(outputs=str(tmp_path)))
    runner.join()
    assert all(runner.turn() for _ in range(4)) and states(database, run) == ["failed"]
    assert "Is a directory" in Jobs(database).of(run)[0].reason["got"]


def test_a_running_job_hears_that_it_has_to_stop(database):
    (run,) = submit(database, "a")
    jobs = Jobs(database)
    job = jobs.claim(runner="r", host="h", lacks=nothing)
    assert jobs.stop(run) and jobs.beat(job.id, 1) == "stop" and states(database, run) == ["running"]
    assert jobs.died(job.id, 1, how="killed") and states(database, run) == ["stopped"], "it is not put back"
    assert not jobs.stop(run)
    assert jobs.add(run, {"verb": "run"}, only_from=("stopped",)) and states(database, run) == ["queued"]
    assert not jobs.add(run, {"verb": "run"}, only_from=("stopped",))


def test_silence_is_judged_by_one_whose_own_heartbeats_are_regular(database):
    submit(database, "a")
    jobs, runners = Jobs(database, grace_s=0.0), Runners(database, grace_s=60.0)
    jobs.claim(runner="r", host="h", lacks=nothing)
    assert jobs.silent("s") == [], "who has not joined judges nobody"
    runners.join("s", host="i", abilities={})
    assert [job.state for job in jobs.silent("s")] == ["running"]
    assert Jobs(database, grace_s=60.0).silent("s") == []


def test_runners_join_drain_and_leave(database):
    runners = Runners(database)
    runners.join("r", host="h", abilities={"cores": 2})
    (one,) = runners.living()
    assert (one.name, one.abilities, one.is_draining) == ("r", {"cores": 2}, False)
    assert not runners.beat("r") and runners.drain("r") and runners.beat("r") and not runners.drain("s")
    runners.leave("r")
    assert runners.living() == [] and Runners(database, grace_s=-1).living() == []
