"""Throughput of 1, 2 and 4 workers on one PostgreSQL, with an evaluation that sleeps.

``python -m benchmarks.worker_scaling --url postgresql://user@host/database`` prints a table, with ``--json`` one JSON
object. The workers are processes over the mixed space of 39 genes. A worker's loading is not counted: all wait for each
other, and the throughput is the number of evaluations over the time from the first one's beginning to the last one's
end. What an evaluation costs beside its sleep, sampler and database together, is ``overhead_ms``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
from collections.abc import Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.worker_process import Event, events, release, schema, start

WORKERS = (1, 2, 4)


def throughput(url: str | None, *, workers: int, trials: int, seconds: float, sampler: str) -> dict[str, Any]:
    """Return the evaluations a second of so many workers, and how many networks were evaluated twice."""
    with tempfile.TemporaryDirectory() as folder, schema(url) as database:
        log = Path(folder) / "log"
        worker_group = [
            start(database, f"worker{i}", trials=trials, seconds=seconds, sampler=sampler, log=log)
            for i in range(workers)
        ]
        release(*worker_group)
        for worker in worker_group:
            worker.process.join()
            if worker.process.exitcode:
                raise SystemExit(f"{worker.name} ended with {worker.process.exitcode}")
        logged = events(log)
    ends = [event for event in logged if event.kind == "end"]
    duration = max(e.at_s for e in ends) - min(e.at_s for e in logged)
    return {
        "workers": workers,
        "trials": len(ends),
        "seconds": round(duration, 2),
        "trials_per_second": round(len(ends) / duration, 3),
        "overhead_ms": round(1e3 * (duration * workers / len(ends) - seconds), 1),
        "at_once": _at_once(logged),
        "duplicates": len(ends) - len({e.key for e in ends}),
    }


def _at_once(logged: Sequence[Event]) -> int:
    """Return how many evaluations there were at the same time, at most."""
    running = most = 0
    for event in sorted(logged, key=lambda e: e.at_s):
        running += 1 if event.kind == "begin" else -1
        most = max(most, running)
    return most


def measure(
    url: str | None, *, trials: int, seconds: float, sampler: str, workers: Sequence[int] = WORKERS
) -> dict[str, Any]:
    """Return the table; ``trials`` are those of each worker."""
    rows = [throughput(url, workers=n, trials=n * trials, seconds=seconds, sampler=sampler) for n in workers]
    for row in rows:
        row["speed_up"] = round(row["trials_per_second"] / rows[0]["trials_per_second"], 3)
    return {
        "speed_up": rows[-1]["speed_up"],
        "duplicates": sum(row["duplicates"] for row in rows),
        "evaluation_seconds": seconds,
        "sampler": sampler,
        "rows": rows,
        "environment": {
            "python": platform.python_version(),
            "optuna": version("optuna"),
            "machine": platform.machine(),
            "cores": os.cpu_count(),
            "date": date.today().isoformat(),
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--url", help="a PostgreSQL database; a schema is made there and removed")
    parser.add_argument("--trials", type=int, default=60, help="evaluations of each worker")
    parser.add_argument("--seconds", type=float, default=0.5, help="how long an evaluation sleeps")
    parser.add_argument("--sampler", default="nasweave")
    options = parser.parse_args()
    result = measure(options.url, trials=options.trials, seconds=options.seconds, sampler=options.sampler)
    if options.json:
        print(json.dumps(result, indent=1))
        return
    table = Table(title=f"workers on PostgreSQL, {options.sampler}, evaluation of {options.seconds} s")
    for heading in result["rows"][0]:
        table.add_column(heading.replace("_", " "), justify="right")
    for row in result["rows"]:
        table.add_row(*map(str, row.values()))
    Console().print(table)


if __name__ == "__main__":
    main()
