"""Kill workers of one search at random moments, and count what is lost or done twice: nothing may be.

``python -m benchmarks.worker_kill --url postgresql://user@host/database`` prints the counts, with ``--json`` one JSON
object. Four processes share a search of 2,000 networks over the mixed space; twenty times one of them, drawn at random,
is killed with SIGKILL after a random number of networks, and another one joins. Afterwards

``duplicates``
    counts the evaluations that began while a living worker evaluated, or had evaluated, the same network;
``repeated``
    counts those that began anew because the worker before had been killed;
``lost``
    counts evaluated networks that are not in the study and the record with the same values, networks that are missing
    for the total, and trials and claims that are left running.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from importlib.metadata import version
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import optuna
from optuna.samplers import RandomSampler
from optuna.trial import TrialState

from benchmarks.mixed_space import mixed_space
from benchmarks.worker_process import Event, Worker, events, open_run, release, schema, start
from runs.search import WorkersConfig
from runs.search.optuna.genes import genes_of
from runs.search.optuna.storage import open_storage
from runs.store import Claims, Store


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """How many networks are searched, by how many workers, and how many of those are killed; times in seconds."""

    trials: int = 2000
    kills: int = 20
    workers: int = 4
    evaluation_s: float = 0.05
    grace_s: float = 10.0
    sampler: str = "random"
    seed: int = 0


def measure(url: str | None, plan: Plan) -> dict[str, Any]:
    """Run the search under kills and return the counts."""
    with tempfile.TemporaryDirectory() as folder, schema(url) as database:
        log, begin = Path(folder) / "log", time.monotonic()
        killed = _run(database, log, plan)
        duration = time.monotonic() - begin
        logged = events(log)
        found = _compare(database, logged, trials=plan.trials)
    return {
        **_evaluations(logged, killed),
        **found,
        **asdict(plan),
        "kills": len(killed),
        "seconds": round(duration, 1),
        "environment": {
            "python": platform.python_version(),
            "optuna": version("optuna"),
            "machine": platform.machine(),
            "cores": os.cpu_count(),
            "date": date.today().isoformat(),
        },
    }


def _run(database: str, log: Path, plan: Plan) -> dict[str, float]:
    """Let workers work and kill some; return when each was killed, by name."""
    rng = random.Random(plan.seed)
    moments = sorted(rng.randrange(plan.workers, plan.trials - plan.workers) for _ in range(plan.kills))
    log.touch()
    names = iter(f"worker{i}" for i in range(plan.workers + plan.kills))
    living: list[Worker] = []
    loading: list[Worker] = []

    def load() -> None:
        for name in islice(names, 1):
            worker = start(
                database,
                name,
                trials=plan.trials,
                seconds=plan.evaluation_s,
                sampler=plan.sampler,
                log=log,
                watch=WorkersConfig(heartbeat_s=0.25, grace_s=plan.grace_s, patience_s=60.0),
            )
            loading.append(worker)

    def join() -> None:
        worker = loading.pop(0)
        release(worker)
        living.append(worker)
        load()

    killed: dict[str, float] = {}
    try:
        for _ in range(plan.workers):
            load()
        for _ in range(plan.workers):
            join()
        for moment in moments:
            while log.read_bytes().count(b"end ") < moment:
                _check(living)
                time.sleep(0.02)
            time.sleep(rng.random() * 2 * plan.evaluation_s)
            victim = living.pop(rng.randrange(len(living)))
            victim.process.kill()
            victim.process.join()
            killed[victim.name] = time.monotonic()
            join()
        for worker in living:
            worker.process.join()
        _check(living)
    finally:
        for worker in (*living, *loading):
            worker.process.kill()
            worker.process.join()
    return killed


def _check(living: Sequence[Worker]) -> None:
    for worker in living:
        if worker.process.exitcode not in (None, 0):
            raise SystemExit(f"{worker.name} ended with {worker.process.exitcode}")


def _evaluations(logged: Sequence[Event], killed: Mapping[str, float]) -> dict[str, int]:
    """Count the evaluations that began more than once, by whether the worker before was dead."""
    begun: dict[str, list[Event]] = defaultdict(list)
    for event in sorted(logged, key=lambda e: e.at_s):
        if event.kind == "begin":
            begun[event.key].append(event)
    again = [pair for several in begun.values() for pair in pairwise(several)]
    repeated = sum(killed.get(before.worker, float("inf")) < after.at_s for before, after in again)
    evaluations = sum(len(several) for several in begun.values())
    return {"evaluations": evaluations, "duplicates": len(again) - repeated, "repeated": repeated}


def _compare(database: str, logged: Sequence[Event], *, trials: int) -> dict[str, int]:
    """Compare what was evaluated with the study, the record and the claims."""
    space = mixed_space()
    with Store.open(database) as store:
        run = open_run(store, space)
        recorded = {c.key: c.values for c in store.candidates(run.id)}
        counts = Claims(store, run_id=run.id, worker="observer", grace_s=1.0).counts()
    with open_storage(database) as storage:
        study = optuna.load_study(study_name="workers", storage=storage, sampler=RandomSampler(seed=0))
        every = study.get_trials(deepcopy=False)
    told: dict[str, list[float]] = {}
    twice = 0
    for trial in every:
        if trial.state == TrialState.COMPLETE and "duplicate_of" not in trial.user_attrs:
            row = genes_of(space, trial.params)
            assert row is not None
            key = space.decode(row[None])[0].key
            twice += key in told
            told[key] = trial.values
    agree = {
        key
        for key, values in told.items()
        if key in recorded and values == [recorded[key]["validation_error"], recorded[key]["latency_ms"]]
    }
    unfinished = sum(not trial.state.is_finished() for trial in every)
    ended = {event.key for event in logged if event.kind == "end"}
    lost = len(ended - agree) + (trials - len(agree)) + unfinished + counts.running
    return {"lost": lost, "in_the_study_twice": twice, "failed": counts.failed, "trials_in_the_study": len(every)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--url", help="a PostgreSQL database; a schema is made there and removed")
    parser.add_argument("--trials", type=int, default=Plan().trials, help="networks of the search")
    parser.add_argument("--kills", type=int, default=Plan().kills)
    parser.add_argument("--seed", type=int, default=Plan().seed)
    options = parser.parse_args()
    result = measure(options.url, Plan(trials=options.trials, kills=options.kills, seed=options.seed))
    if options.json:
        print(json.dumps(result, indent=1))
        return
    for name, value in result.items():
        print(f"{name.replace('_', ' '):24}{value}")


if __name__ == "__main__":
    main()
