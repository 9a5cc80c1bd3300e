"""A worker of a shared search whose evaluation sleeps; and the log of what all workers evaluated when.

A worker says that it is ready when everything is loaded, waits to be released, and works until the search has all its
networks. The log gets a line when an evaluation begins and one when it has ended, with the network's key and the
machine's monotonic clock, which all processes share. The processes are forked from one that has loaded the libraries,
so that many of them start in no time.
"""

from __future__ import annotations

import multiprocessing
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import create_engine, make_url, text

from benchmarks.mixed_space import mixed_space
from predictors import CostModel
from runs.objectives import objectives_by_name
from runs.search import Problem, StoreRecorder, StudyRecord, WorkerGroup, WorkersConfig, build_sampler, run_search
from runs.store import Claims, Run, Store
from search_space import Architecture, Genes, SearchSpace

__all__ = ["WATCH", "Event", "Worker", "events", "open_run", "release", "schema", "start"]

URL_VARIABLE = "NASWEAVE_TEST_POSTGRESQL_URL"
WATCH = WorkersConfig()  # as the program has it


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """The beginning or the end of an evaluation; ``at_s`` by the monotonic clock."""

    kind: str
    worker: str
    key: str
    at_s: float


def events(log: Path) -> list[Event]:
    """Return what the workers logged; a line that a kill cut off is left out."""
    rows = [line.split() for line in log.read_text().splitlines(keepends=True) if line.endswith("\n")]
    return [Event(kind=kind, worker=worker, key=key, at_s=float(at)) for kind, worker, key, at in rows]


@contextmanager
def schema(url: str | None) -> Iterator[str]:
    """Give the URL of an empty schema on a PostgreSQL server, which goes when the block ends."""
    given = url or os.environ.get(URL_VARIABLE)
    if given is None:
        raise SystemExit(f"name a PostgreSQL server: --url postgresql://user@host/database, or {URL_VARIABLE}")
    server, name = make_url(given).set(drivername="postgresql+psycopg"), f"nasweave_benchmark_{uuid.uuid4().hex}"
    engine = create_engine(server)
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {name}"))
    try:
        yield server.update_query_dict({"options": f"-csearch_path={name}"}).render_as_string(hide_password=False)
    finally:
        with engine.begin() as connection:
            connection.execute(text(f"DROP SCHEMA {name} CASCADE"))
        engine.dispose()


@dataclass(frozen=True, kw_only=True, slots=True)
class Worker:
    """A process, and the connection that it waits at."""

    name: str
    process: ForkServerProcess
    connection: Connection


def start(
    url: str, name: str, *, trials: int, seconds: float, sampler: str, log: Path, watch: WorkersConfig = WATCH
) -> Worker:
    """Start a worker of a search for so many networks, whose evaluations take so many seconds."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.worker_process"])
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(url, name, trials, seconds, sampler, log, watch, theirs), daemon=True)
    process.start()
    return Worker(name=name, process=process, connection=ours)


def release(*workers: Worker) -> None:
    """Wait until all of the workers are ready, and let them work."""
    for worker in workers:
        worker.connection.recv()
    for worker in workers:
        worker.connection.send("go")


def open_run(store: Store, space: SearchSpace) -> Run:
    """Return the run that all workers share."""
    fingerprint, declared = space.fingerprint, space.to_json()
    return store.open_run("workers", task="none", name="workers", space_fingerprint=fingerprint, space_json=declared)


def _work(
    url: str,
    name: str,
    trials: int,
    seconds: float,
    sampler: str,
    log: Path,
    watch: WorkersConfig,
    connection: Connection,
) -> None:
    space = mixed_space()
    costs = CostModel(space)
    handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def cost_function(genes: Genes) -> dict[str, NDArray[np.float64]]:
        return {"latency_ms": costs.flops(genes) / 2e7, "params": costs.params(genes).astype(float)}

    def note(kind: str, key: str) -> None:
        os.write(handle, f"{kind} {name} {key} {time.monotonic()}\n".encode())

    def evaluate(architecture: Architecture) -> float:
        note("begin", architecture.key)
        time.sleep(seconds)
        error = 5.0 + 60.0 * float(np.exp(-costs.params(space.encode([architecture]))[0] / 2e5))
        note("end", architecture.key)
        return error

    connection.send("ready")
    connection.recv()
    with Store.open(url) as store:
        run = open_run(store, space)
        objectives = objectives_by_name(["validation_error", "latency_ms"])
        problem = Problem(objectives=objectives, cost_function=cost_function, n_trials=trials)
        run_search(
            space,
            problem=problem,
            sampler=build_sampler(sampler, space, problem=problem),
            evaluate=evaluate,
            record=StudyRecord(name="workers", storage_url=url, recorder=StoreRecorder(store, run_id=run.id)),
            worker_group=WorkerGroup(
                claims=Claims(store, run_id=run.id, worker=name, grace_s=watch.grace_s), config=watch
            ),
        )
