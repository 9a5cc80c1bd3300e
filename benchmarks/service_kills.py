"""Kill the server, the runner and the jobs of a service at random moments of real small searches: nothing may be lost.

``python -m benchmarks.service_kills`` prints the counts, with ``--json`` one JSON object. Some searches of a supernet
on the digits are made twice with the same seeds, in two folders: undisturbed, and under kills with SIGKILL. Whatever is
killed is started again, as an init system does. Moments are drawn uniformly from the first three quarters of the time
that the undisturbed ones took; the three kinds of process are killed equally often, in random order. A job is spared at
its third and last attempt; the runner is killed then. Afterwards

``not_done``
    counts searches that did not end as done;
``different``
    counts those whose networks, or errors of networks, are not those of the undisturbed search with the same seed;
``not_listed``
    counts those that the server, started again, does not list;
``at_once``
    counts the times at which two processes worked on one job, looked at five times a second;
``left_running``
    counts trials that are left running in the studies;
``noticed_s``
    lists the seconds from the kill of a job to its next attempt, so that none is said to be running for ever.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import psutil

from runs.service.client.connection import Connection, connect
from runs.service.runner import processes
from runs.service.settings import STORE_VARIABLE
from runs.store.database import Database
from runs.store.service.jobs import MOST_ATTEMPTS, Jobs
from runs.store.service.records import Job
from runs.store.service.results import Results
from runs.store.service.submissions import Submissions
from runs.store.service.tokens import Tokens

SERVER = "import sys; sys.argv[0] = 'nasweave'; from runs.app.cli import main; main()"
RUNNER = (
    "import sys, runs.service.runner.processes as p; p.MODULE = sys.argv.pop(1);"
    "from runs.service.runner.__main__ import main; main()"
)
Kind = Literal["server", "runner", "job"]
KINDS: tuple[Kind, ...] = ("server", "runner", "job")
LOOK_S = 0.2


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """How many searches there are, of how many networks, and how many kills; a search has ``limit_s`` seconds."""

    searches: int = 10
    kills: int = 20
    trials: int = 8
    seed: int = 0
    limit_s: float = 300.0


@dataclass(kw_only=True, slots=True)
class Seen:
    """What was seen while a service was watched."""

    kills: list[Kind] = field(default_factory=list)
    at_once: int = 0
    noticed_s: list[float] = field(default_factory=list)
    killed_at_s: dict[tuple[int, int], float] = field(default_factory=dict)


class Processes:
    """The server and the runner over one folder, each of which can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = Database.open(f"sqlite:///{folder}/nasweave.db")
        self.token = Tokens(self.database).make("token", owner="ann", scopes=["read", "submit"], seconds=86_400)
        self._server, self._runner = self._serve(), self._run()

    def connection(self) -> Connection:
        """Return a client of the server, once in the life of one, when it listens."""
        assert self._server.stdout is not None
        line = self._server.stdout.readline()
        return connect(line.split()[-1].partition("/sign-in")[0], self.token)

    def kill(self, kind: Kind, job: Job) -> None:
        """Kill a process with SIGKILL, and start the server or the runner again."""
        if kind == "job":
            assert job.process is not None
            with suppress(ProcessLookupError):  # it has ended by itself
                os.kill(job.process, signal.SIGKILL)
            return
        process = self._server if kind == "server" else self._runner
        _end(process)
        if kind == "server":
            self._server = self._serve()
        else:
            self._runner = self._run()

    def end(self) -> None:
        """End everything."""
        for process in (self._runner, self._server):
            _end(process)
        for job in Jobs(self.database).active():
            if processes.is_there(job) and job.process is not None:
                processes.end_group(job.process)
        self.database.close()

    def _environment(self) -> dict[str, str]:
        return {**os.environ, STORE_VARIABLE: f"sqlite:///{self.folder}/nasweave.db", "OMP_NUM_THREADS": "1"}

    def _serve(self) -> subprocess.Popen[str]:
        words = ["serve", "port=0", "runner=false", f"outputs={self.folder}", "most_active=1000"]
        command = [sys.executable, "-c", SERVER, *words]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=self._environment())

    def _run(self) -> subprocess.Popen[bytes]:
        words = [processes.MODULE, f"outputs={self.folder}", "host=here", f"watch={os.getpid()}"]
        command = [sys.executable, "-c", RUNNER, *words]
        return subprocess.Popen(command, env=self._environment(), stderr=subprocess.DEVNULL)


def _end(process: subprocess.Popen[str] | subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def document(seed: int, trials: int) -> dict[str, Any]:
    """Return a search whose networks do not depend on what is measured: the same seed finds the same."""
    choices = {"embed_dim": [16, 24], "depth": [1, 2], "head_dim": 8, "mixer": ["softmax", "identity"]}
    choices |= {"num_heads": [1], "channel_mixer": ["mlp"], "ratio": [1, 2], "precision": ["float"]}
    search = {"method": "nasweave", "trials": trials, "seed": seed, "objectives": ["validation_error", "size_bytes"]}
    return {
        "name": f"seed{seed}",
        "task": "digits",
        "search": search,
        "choices": choices,
        "training": {"steps": 20 + seed, "batch_size": 32},  # so that each has a training of its own
        "profile": {"networks": 1, "time_budget": "4s"},
        "baselines": {"random": 2, "uniform": 1},
        "finalists": 2,
        "export": {"formats": ["onnx"], "measure": False},
    }


@contextmanager
def service() -> Iterator[Processes]:
    """Give a service of its own in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        running = Processes(Path(folder))
        try:
            yield running
        finally:
            running.end()


def measure(plan: Plan) -> dict[str, Any]:
    """Run the searches undisturbed, then under kills, and return the counts."""
    whole, _, undisturbed_s = _searched(plan, moments=[])
    rng = random.Random(plan.seed)
    moments = sorted(rng.uniform(0.0, 0.75 * undisturbed_s) for _ in range(plan.kills))
    found, seen, seconds = _searched(plan, moments=moments)
    return {
        "searches": plan.searches,
        "networks": sum(map(len, whole["networks"].values())),
        "kills": dict(Counter(seen.kills)),
        "not_done": sum(state != "done" for state in (*whole["states"].values(), *found["states"].values())),
        "different": sum(found["networks"].get(name) != whole["networks"][name] for name in whole["networks"]),
        "not_listed": plan.searches - found["listed"],
        "at_once": seen.at_once,
        "left_running": found["left_running"],
        "gaps_in_events": found["gaps"],
        "attempts": found["attempts"],
        "noticed_s": {"all": [round(s, 1) for s in seen.noticed_s], "most": round(max(seen.noticed_s, default=0.0), 1)},
        "seconds": {"undisturbed": round(undisturbed_s), "killed": round(seconds)},
        "plan": asdict(plan),
        "environment": {
            "python": platform.python_version(),
            "torch": version("torch"),
            "machine": platform.machine(),
            "cores": os.cpu_count(),
            "date": date.today().isoformat(),
        },
    }


def _searched(plan: Plan, *, moments: list[float]) -> tuple[dict[str, Any], Seen, float]:
    seen, kinds = Seen(), [KINDS[n % len(KINDS)] for n in range(len(moments))]
    random.Random(plan.seed).shuffle(kinds)
    with service() as running:
        client = running.connection()
        for seed in range(plan.searches):
            client.submit(document(seed, plan.trials))
        begin = time.monotonic()
        end, left = begin + plan.limit_s * plan.searches, list(moments)
        jobs = Jobs(running.database)
        while (active := jobs.active()) and time.monotonic() < end:
            _look(active, seen, running.folder)
            there = [job for job in active if job.process is not None and processes.is_there(job)]
            if left and there and time.monotonic() - begin > left[0]:
                left.pop(0)
                _kill(running, kinds.pop(), there[0], seen)
            time.sleep(LOOK_S)
        seconds = time.monotonic() - begin
        if "server" in seen.kills:
            client = running.connection()
        found = _outcome(running)
        found["listed"] = len(client.runs())
        return found, seen, seconds


def _kill(running: Processes, kind: Kind, job: Job, seen: Seen) -> None:
    if kind == "job" and job.attempt == MOST_ATTEMPTS:
        kind = "runner"
    running.kill(kind, job)
    seen.kills.append(kind)
    if kind == "job":
        seen.killed_at_s[job.id, job.attempt] = time.monotonic()


def _look(active: list[Job], seen: Seen, folder: Path) -> None:
    """Look for two processes on one job, and for killed ones that have their next attempt."""
    for job in active:
        killed_s = seen.killed_at_s.get((job.id, job.attempt - 1))
        if killed_s is not None and job.state == "running":
            seen.noticed_s.append(time.monotonic() - killed_s)
            del seen.killed_at_s[job.id, job.attempt - 1]
    leaders: Counter[str] = Counter()
    for process in psutil.process_iter(["cmdline", "status"]):
        words = process.info["cmdline"] or []
        is_job = processes.MODULE in words and f"outputs={folder}" in words
        if is_job and process.info["status"] != psutil.STATUS_ZOMBIE:
            try:
                if os.getpgid(process.pid) == process.pid:  # what it starts itself is of its group
                    leaders[words[words.index(processes.MODULE) + 1]] += 1
            except ProcessLookupError:
                continue
    seen.at_once += sum(number > 1 for number in leaders.values())


def _outcome(running: Processes) -> dict[str, Any]:
    """Return how the searches have ended."""
    runs, results, jobs = Submissions(running.database), Results(running.database), Jobs(running.database)
    found: dict[str, Any] = {"states": {}, "networks": {}, "attempts": {}, "gaps": 0}
    for run in runs.page(limit=1000):
        found["states"][run.name] = run.state
        found["networks"][run.name] = {c.key: _errors(c.values) for c in results.candidates(run.folder)}
        found["attempts"][run.name] = [job.attempt for job in jobs.of(run.id)]
        numbers = [event.number for event in runs.events(run.id, limit=10**6)]
        found["gaps"] += numbers != list(range(1, len(numbers) + 1))
    with closing(sqlite3.connect(running.folder / "nasweave.db")) as database:
        has_studies = database.execute("select 1 from sqlite_master where name = 'trials'").fetchone()
        query = "select count(*) from trials where state in ('RUNNING', 'WAITING')"
        found["left_running"] = database.execute(query).fetchone()[0] if has_studies else 0
    return found


def _errors(values: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in values.items() if name in ("validation_error", "size_bytes")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    usual = Plan()
    for name in ("searches", "kills", "trials", "seed"):
        parser.add_argument(f"--{name}", type=int, default=getattr(usual, name))
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    as_json = arguments.json
    del arguments.json
    found = measure(Plan(**vars(arguments)))
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        for name, value in found.items():
            print(f"{name}: {value}")


if __name__ == "__main__":
    main()
