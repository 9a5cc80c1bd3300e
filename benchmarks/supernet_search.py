"""How fast each sampler finds the front of a real supernet: hypervolume over networks that were really evaluated.

``python -m benchmarks.supernet_search OVERRIDES`` takes the overrides of ``nasweave search``; profile and supernet are
made where they are missing. Every sampler searches the same space with the same predicted latencies and validation
examples; none evaluates a network twice, for our wrapper frees Optuna's samplers of duplicates as well. The hypervolume
of validation error and latency, from the corner of the worst that any run saw, is given as a share of that of all
networks of all runs together. A run of a sampler is one job of one thread and leaves its result in the run's folder.
``--json`` prints one JSON object of the form of ``benchmarks.search_efficiency``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import date
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import torch
from rich.console import Console
from threadpoolctl import threadpool_limits

from benchmarks.open_run import open_run
from benchmarks.search_efficiency import table_of
from hardware_profiles.atomic import write_atomically
from runs.evaluation.quality import checkpoint_hash
from runs.objectives import objectives_by_name
from runs.objectives.pareto import hypervolume, hypervolume_curve
from runs.pipeline.plan import Plan
from runs.pipeline.stages.devices import DEVICES
from runs.pipeline.stages.train import TRAIN
from runs.search import SAMPLERS, Problem, build_sampler, run_search
from search_space import Architecture
from supernet.training import Evaluator

METHODS = ("nasweave", "nsga2", "tpe", "random", "linas")
_OBJECTIVES = ("validation_error", "latency_ms")
_EVERY = 50
Points = list[list[float]]


def one_run(overrides: Sequence[str], method: str, seed: int, *, evaluations: int, examples: int) -> Points:
    """Return validation error and latency of every network that a sampler evaluated, in order."""
    torch.set_num_threads(1)
    context = open_run(overrides)
    plan = Plan(context)
    supernet, known = plan.run(TRAIN), plan.run(DEVICES)
    evaluator = Evaluator(context.data, split=context.data.validation, bf16=True, examples=examples)

    def evaluate(architecture: Architecture) -> float:
        return evaluator(supernet, architecture).error

    with threadpool_limits(1):
        problem = Problem(objectives=objectives_by_name(_OBJECTIVES), cost_function=known.costs, n_trials=evaluations)
        sampler = build_sampler(method, context.space, problem=problem, seed=seed)
        result = run_search(context.space, problem=problem, sampler=sampler, evaluate=evaluate)
    return [[e.values[name] for name in _OBJECTIVES] for e in result.evaluated]


def all_runs(
    overrides: Sequence[str], *, methods: Sequence[str], seeds: int, evaluations: int, examples: int, processes: int
) -> dict[str, list[Points]]:
    """Return the runs of every method by seed; what is done is not done again."""
    context = open_run(overrides)
    plan = Plan(context)
    plan.run(DEVICES)
    plan.run(TRAIN)
    place = context.folder / "supernet_search" / f"{checkpoint_hash(context.supernet_folder)}-{examples}-{evaluations}"
    files = {(m, s): place / f"{m}-{s}.json" for s in range(seeds) for m in methods}
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        jobs = {
            pool.submit(one_run, overrides, *job, evaluations=evaluations, examples=examples): job
            for job, file in files.items()
            if not file.exists()
        }
        for done, job in enumerate(as_completed(jobs), 1):
            write_atomically(files[jobs[job]], json.dumps(job.result()).encode())
            print(f"{done}/{len(jobs)}: {' seed '.join(map(str, jobs[job]))}", file=sys.stderr, flush=True)
    return {m: [json.loads(files[m, s].read_text()) for s in range(seeds)] for m in methods}


def shares(runs: Mapping[str, Sequence[Points]], *, checkpoints: Sequence[int]) -> dict[str, np.ndarray]:
    """Return the share of the hypervolume of all networks, ``(seeds, checkpoints)`` for each method."""
    everything = np.array([point for several in runs.values() for points in several for point in points])
    low, high = everything.min(axis=0), everything.max(axis=0)

    def scaled(points: Any) -> np.ndarray:
        return (np.array(points) - low) / (high - low)

    corner = np.ones(everything.shape[1])
    total = hypervolume(scaled(everything), corner)
    at = np.array(checkpoints) - 1
    return {
        method: np.array([hypervolume_curve(scaled(points), corner)[at] / total for points in several])
        for method, several in runs.items()
    }


def measure(options: argparse.Namespace) -> dict[str, Any]:
    checkpoints = sorted({*range(_EVERY, options.evaluations + 1, _EVERY), options.evaluations})
    runs = all_runs(
        options.override,
        methods=options.methods,
        seeds=options.seeds,
        evaluations=options.evaluations,
        examples=options.examples,
        processes=options.processes,
    )
    context = open_run(options.override)
    found = {
        method: {
            "mean": rows.mean(axis=0).round(5).tolist(),
            "std": rows.std(axis=0).round(5).tolist(),
            "seeds": len(rows),
            "shares": rows.round(5).tolist(),
        }
        for method, rows in shares(runs, checkpoints=checkpoints).items()
    }
    return {
        "problem": f"supernet of {context.config.task.name}",
        "evaluations": options.evaluations,
        "seeds": options.seeds,
        "checkpoints": checkpoints,
        "methods": found,
        "objectives": list(_OBJECTIVES),
        "validation_examples": options.examples,
        "space": context.space.name,
        "overrides": [o for o in options.override if not o.startswith(("outputs=", "data_root="))],
        "environment": {
            "python": platform.python_version(),
            "torch": str(torch.__version__),
            "optuna": optuna.__version__,
            "machine": platform.machine(),
            "date": date.today().isoformat(),
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--methods", default=",".join(METHODS), help="names, separated by commas")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--evaluations", type=int, default=300)
    parser.add_argument("--examples", type=int, default=512, help="validation examples that judge a network")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--picture", type=Path, metavar="FILE", help="write the curves with error bands")
    parser.add_argument("override", nargs="*", help="as nasweave search takes them")
    options = parser.parse_args()
    options.methods = options.methods.split(",")
    if unknown := set(options.methods) - set(SAMPLERS):
        raise SystemExit(f"--methods: expected names among {', '.join(SAMPLERS)}, got {', '.join(sorted(unknown))}")
    result = measure(options)
    nothing: dict[str, Any] = {"checkpoints": [], "methods": {}}
    if options.picture is not None:
        from benchmarks.search_picture import draw

        draw(result, nothing, options.picture)
    print(json.dumps(result, indent=1)) if options.json else Console().print(table_of(result, nothing))


if __name__ == "__main__":
    main()
