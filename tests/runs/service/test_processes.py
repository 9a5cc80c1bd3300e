"""Runners and jobs as processes: several share the work, and whoever is killed, every run ends as it would have."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from runs.service.settings import STORE_VARIABLE
from runs.service.work import open_log
from runs.store.database import Database
from runs.store.service.jobs import Jobs
from runs.store.service.runners import Runners
from runs.store.service.submissions import Submissions
from tests.runs.databases import postgresql_schema
from tests.runs.service.small_work import STEPS

RUNNER = (
    "import sys, runs.service.runner.processes as p, runs.service.runner.loop as l;"
    "p.MODULE = 'tests.runs.service.small_work'; l._PERIOD_S = 0.1;"
    "from runs.service.settings import RunnerSettings, read_words;"
    "l.run(read_words(RunnerSettings, sys.argv[1:]))"
)
LIMIT_S = 120.0


@pytest.fixture
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/a.db"
        return
    with postgresql_schema() as schema:
        yield schema


@pytest.fixture
def start(url: str, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Return what starts a runner; at the end all of them and their jobs are ended."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(name: str, host: str, *, slots: int = 1) -> subprocess.Popen[bytes]:
        words = [f"outputs={tmp_path}", f"name={name}", f"host={host}", f"slots={slots}"]
        environment = {**os.environ, STORE_VARIABLE: url}
        started.append(subprocess.Popen([sys.executable, "-c", RUNNER, *words], env=environment))
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.wait()
    with Database.open(url) as database:
        for job in Jobs(database).active():
            if job.process is not None and psutil.pid_exists(job.process):
                os.killpg(job.process, signal.SIGKILL)


def submit(database: Database, folder: Path, number: int, **arguments: int) -> dict[str, int]:
    runs = Submissions(database)
    for n in range(number):
        open_log(folder, f"k{n}")
    return {
        f"k{n}": runs.submit(
            key=f"k{n}", owner="ann", name="x", task="digits", document={}, digest="", folder=f"digits/{n}",
            job={"verb": "run", "arguments": arguments},
        )[0].id
        for n in range(number)
    }  # fmt: skip


def wait(until: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT_S
    while not until():
        assert time.monotonic() < end, "nothing happens any more"
        time.sleep(0.1)


def all_ended(database: Database) -> Callable[[], bool]:
    return lambda: not Jobs(database).active()


def check(database: Database, runs: dict[str, int], folder: Path) -> None:
    """Check that every run is done, and that each of its steps was done once, in order."""
    for key, number in runs.items():
        assert Submissions(database).by_id(number).state == "done", key
        assert (folder / f"{key}.txt").read_text().split() == [str(step) for step in range(STEPS)], key


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_two_runners_share_three_runs_of_two_workers_each(url, start, tmp_path):
    with Database.open(url) as database:
        runs = submit(database, tmp_path, 3, workers=1)
        runners = [start("r", "h", slots=2), start("s", "i", slots=2)]
        wait(all_ended(database))
        check(database, runs, tmp_path)
        assert {Jobs(database).of(number)[0].runner for number in runs.values()} == {"r", "s"}
        workers = [job for number in runs.values() for job in Jobs(database).of(number) if job.verb == "worker"]
        assert (
            len(workers) == 3 and {job.state for job in workers} == {"stopped"} and any(job.attempt for job in workers)
        )
        Runners(database).drain("r")
        assert runners[0].wait(20) == 0
        runners[1].terminate()
        assert runners[1].wait(20) == 0 and Runners(database).living() == []


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_whoever_is_killed_every_run_ends_once(url, start, tmp_path):
    chance = random.Random(3)
    with Database.open(url) as database:
        runs, jobs = submit(database, tmp_path, 2), Jobs(database)
        runner = start("r0", "h")
        for n in range(4):
            before = [job.process for job in jobs.active() if job.process is not None]
            wait(lambda before=before: any(j.process not in (*before, None) for j in jobs.active()) or bool(before))
            time.sleep(chance.uniform(0.0, 0.4))
            running = [job for job in jobs.active() if job.state == "running" and job.process is not None]
            if n % 2 and running:  # a job, beside a runner that lives: it is noticed at once
                os.killpg(running[0].process, signal.SIGKILL)
            else:  # a runner: its job goes on, and the next runner watches it
                runner.kill()
                runner.wait()
                assert all(psutil.pid_exists(job.process) for job in running) or all_ended(database)()
                runner = start(f"r{n + 1}", "h")
        wait(all_ended(database))
        check(database, runs, tmp_path)


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_running_job_is_stopped_and_goes_on_where_it_stopped(url, start, tmp_path):
    with Database.open(url) as database:
        ((key, number),) = submit(database, tmp_path, 1, step_ms=400).items()
        jobs = Jobs(database)
        start("r", "h")
        wait(lambda: (tmp_path / f"{key}.txt").exists())
        assert jobs.stop(number)
        wait(all_ended(database))
        assert Submissions(database).by_id(number).state == "stopped"
        assert len((tmp_path / f"{key}.txt").read_text().split()) < STEPS
        jobs.add(number, {"verb": "run"}, only_from=("stopped",))
        wait(all_ended(database))
        check(database, {key: number}, tmp_path)
