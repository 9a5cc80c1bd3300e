"""What a search costs beside its evaluations: milliseconds an evaluation, sampler, study, loop and database together.

``python -m benchmarks.search_overhead`` runs a whole search over a space of 45 genes whose evaluation costs next to
nothing, and looks at the clock after each one: with 1,000 trials in memory, with as many on PostgreSQL when
``NASWEAVE_TEST_POSTGRESQL_URL`` names a database, and with 10,000 in memory. A row is the mean over the hundred
evaluations that end at that number of trials, of which one in four chooses a batch and the others take from it, by the
clock, and of this process's processor time, which other work on the machine does not count in.
``--json`` prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
import uuid
from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import optuna
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

from predictors import CostModel
from runs.objectives import objectives_by_name
from runs.search import SAMPLERS, Problem, StudyRecord, build_sampler, distributions, run_search
from search_space import Architecture, Genes, SearchSpace, TaskShape, space_from_mapping
from supernet import catalogue

URL = "NASWEAVE_TEST_POSTGRESQL_URL"
_WINDOW = 100


def wide_space() -> SearchSpace:
    """Seven layers of six genes each, with widths, depths and float precisions."""
    declaration = {
        "name": "overhead",
        "embed_dim": [64, 96, 128],
        "depth": [5, 6, 7],
        "head_dim": 16,
        "mixer": ["softmax", "linear", "identity"],
        "num_heads": [2, 4],
        "channel_mixer": ["mlp", "gated_mlp"],
        "ratio": [1, 2, 4],
        "precision": ["float", "w8a8", "w4"],
        "float_precision": ["fp32", "bf16"],
    }
    task = TaskShape(input_shape=(1, 8, 8), num_outputs=10, seq_len=16, grid=(4, 4))
    return space_from_mapping(declaration, task=task, catalogue=catalogue())


def durations(space: SearchSpace, *, sampler: str, trials: int, url: str | None, seed: int) -> NDArray[np.float64]:
    """Return the seconds of every evaluation by the clock and of this process's processor, ``(trials, 2)``."""
    costs = CostModel(space)

    def cost_function(genes: Genes) -> dict[str, NDArray[np.float64]]:
        flops = costs.flops(genes).astype(float)
        return {"latency_ms": 0.1 + flops * 1e-6, "size_bytes": costs.size_bytes(genes).astype(float)}

    def evaluate(architecture: Architecture) -> float:
        return float(90.0 * np.exp(-2e-6 * costs.params(space.encode([architecture]))[0]) + 5.0)

    clock: list[tuple[float, float]] = []
    objectives = objectives_by_name(["validation_error", "latency_ms"])
    problem = Problem(objectives=objectives, cost_function=cost_function, n_trials=trials)
    run_search(
        space,
        problem=problem,
        sampler=build_sampler(sampler, space, problem=problem, seed=seed),
        evaluate=evaluate,
        record=StudyRecord(name=f"overhead-{uuid.uuid4().hex[:8]}", storage_url=url),
        progress=lambda done, total, message: clock.append((time.perf_counter(), time.process_time())),
    )
    return np.diff(np.array(clock), axis=0)


def rows_of(storage: str, seconds: NDArray[np.float64], at: Sequence[int]) -> list[dict[str, Any]]:
    rows = []
    for trials in at:
        part = 1e3 * seconds[max(trials - _WINDOW, 0) : trials]
        each, processor = part.mean(axis=0).tolist()
        row = {"storage": storage, "trials": trials, "milliseconds_per_evaluation": round(each, 2)}
        row |= {
            "processor_milliseconds": round(processor, 2),
            "slowest_milliseconds": round(float(part[:, 0].max()), 1),
        }
        rows.append(row)
    return rows


def measure(*, sampler: str, trials: Sequence[int], url: str | None, seed: int) -> dict[str, Any]:
    space = wide_space()
    with threadpool_limits(1):
        rows = rows_of("memory", durations(space, sampler=sampler, trials=max(trials), url=None, seed=seed), trials)
        if url is not None:
            at = [min(trials)]
            rows += rows_of("postgresql", durations(space, sampler=sampler, trials=at[0], url=url, seed=seed), at)
    return {
        "rows": rows,
        "sampler": sampler,
        "genes": len(distributions(space)),
        "statistic": f"mean over the {_WINDOW} evaluations that end at that number of trials",
        "threads": 1,
        "seed": seed,
        "environment": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "optuna": optuna.__version__,
            "machine": platform.machine(),
            "date": date.today().isoformat(),
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--sampler", default="nasweave", choices=list(SAMPLERS))
    parser.add_argument("--trials", default="1000,10000", help="where to look, in memory; the first on PostgreSQL too")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    trials = sorted(int(part) for part in options.trials.split(","))
    result = measure(sampler=options.sampler, trials=trials, url=os.environ.get(URL), seed=options.seed)
    if options.json:
        print(json.dumps(result, indent=1))
        return
    table = Table(title=f"{options.sampler}, {result['genes']} genes, {result['statistic']}")
    for heading in ("storage", "trials", "ms an evaluation", "of the processor", "slowest"):
        table.add_column(heading, justify="left" if heading == "storage" else "right")
    for row in result["rows"]:
        each, slowest = row["milliseconds_per_evaluation"], row["slowest_milliseconds"]
        cells = (f"{each:.1f}", f"{row['processor_milliseconds']:.1f}", f"{slowest:.0f}")
        table.add_row(row["storage"], f"{row['trials']:,}", *cells)
    Console().print(table)


if __name__ == "__main__":
    main()
