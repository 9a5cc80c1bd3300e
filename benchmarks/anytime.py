"""What a front is worth after so many processor seconds: ours, and what anyone would do instead.

``python -m benchmarks.anytime --task TASK`` runs each method (``benchmarks.anytime_methods``) for each seed until the
largest budget is spent, and tells the hypervolume of the front that it would have handed over at every budget. A front
is chosen by the validation split and judged by the test split, in the error and the logarithm of the latency, from a
corner that ``benchmarks.anytime_setting`` explains. On the clock are the processor seconds of all training, evaluation
and thought; the profile is shared and costs nothing. A run leaves its points in ``--folder`` and is not repeated.
``--json`` prints one object; further overrides are those of ``nasweave run``.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from datetime import date
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

from benchmarks.anytime_methods import METHODS, WITH_SUPERNETS
from benchmarks.anytime_setting import BUDGETS, Curve, Point, Setting, add_setting_arguments, open_setting
from hardware_profiles import this_device
from hardware_profiles.atomic import write_atomically
from runs.objectives.pareto import hypervolume, non_dominated
from search_space.errors import NasweaveError

__all__ = ["front_at", "hypervolume_at"]

Fronts = Sequence[tuple[float, Sequence[str]]]
_STEPS = 60  # of the curves of the picture


def one_run(options: Mapping[str, Any], method: str, seed: int) -> dict[str, Any]:
    """Return the points of one method under one seed, and the corner that they are judged from."""
    torch.set_num_threads(1)
    with threadpool_limits(1), tempfile.TemporaryDirectory(prefix="anytime-") as scratch:
        setting = _opened(options["task"], tuple(options["overrides"]), Path(options["data_root"]))
        curve = Curve(setting=setting, limit=max(options["budgets"]))
        {**METHODS, **WITH_SUPERNETS}[method](setting, curve, seed, Path(scratch))
    points = [asdict(point) for point in curve.points]
    return {"reference": setting.reference, "points": points, "fronts": curve.fronts}


@cache
def _opened(task: str, overrides: tuple[str, ...], data_root: Path) -> Setting:
    return open_setting(task, overrides, data_root=data_root)


def front_at(points: Sequence[Point], seconds: float, *, fronts: Fronts = ()) -> list[Point]:
    """Return the networks that would have been handed over then, in the states that they had.

    That is the last of ``fronts``, times and keys, or else what validation errors and latencies say.
    """
    last = {point.key: point for point in points if point.seconds <= seconds}
    chosen = [keys for begin, keys in fronts if begin <= seconds]
    if chosen:
        return [last[key] for key in chosen[-1]]
    states = list(last.values())
    if not states:
        return []
    front = non_dominated([(s.validation, s.latency_ms) for s in states])
    return [state for state, on_front in zip(states, front, strict=True) if on_front]


def hypervolume_at(
    points: Sequence[Point], seconds: float, *, reference: tuple[float, float], fronts: Fronts = ()
) -> float:
    """Return the hypervolume of the test errors and logarithms of the latency of the front of that moment."""
    front = front_at(points, seconds, fronts=fronts)
    if not front:
        return 0.0
    values = np.array([(p.test, np.log(p.latency_ms)) for p in front])
    return hypervolume(values, (reference[0], np.log(reference[1])))


def all_runs(options: argparse.Namespace) -> dict[str, list[dict[str, Any]]]:
    """Return the runs of every method by seed; what is done is not done again."""
    plain = {
        "task": options.task,
        "overrides": options.override,
        "data_root": str(options.data_root),
        "budgets": options.budgets,
    }
    name = f"{max(options.budgets):g}s"
    files = {
        (m, s): options.folder / options.task / name / f"{m}-{s}.json"
        for s in range(options.seeds)
        for m in options.methods
    }
    with ProcessPoolExecutor(options.processes, mp_context=get_context("spawn")) as pool:
        jobs = {pool.submit(one_run, plain, *job): job for job, file in files.items() if not file.exists()}
        for done, job in enumerate(as_completed(jobs), 1):
            file = files[jobs[job]]
            file.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(file, json.dumps(job.result()).encode())
            print(f"{done}/{len(jobs)}: {' seed '.join(map(str, jobs[job]))}", file=sys.stderr, flush=True)
    return {m: [json.loads(files[m, s].read_text()) for s in range(options.seeds)] for m in options.methods}


def curves(runs: Sequence[dict[str, Any]], times: Sequence[float]) -> NDArray[np.float64]:
    """Return the hypervolume of each run at each time, ``(runs, times)``."""
    rows = []
    for run in runs:
        points, corner = [Point(**p) for p in run["points"]], tuple(run["reference"])
        rows.append([hypervolume_at(points, t, reference=corner, fronts=run["fronts"]) for t in times])
    return np.array(rows)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Return the object that ``--json`` prints."""
    runs = all_runs(options)
    times = np.linspace(0, max(options.budgets), _STEPS + 1)[1:].tolist()
    methods = {}
    for method, several in runs.items():
        at_budgets, over_time = curves(several, options.budgets), curves(several, times)
        methods[method] = {
            "mean": at_budgets.mean(axis=0).round(4).tolist(),
            "std": at_budgets.std(axis=0).round(4).tolist(),
            "hypervolume": at_budgets.round(4).tolist(),
            "curve": over_time.mean(axis=0).round(4).tolist(),
            "curve_std": over_time.std(axis=0).round(4).tolist(),
        }
    reference = next(iter(runs.values()))[0]["reference"]
    return {
        "task": options.task,
        "budgets_s": list(options.budgets),
        "seeds": options.seeds,
        "reference": {"test_error": reference[0], "latency_ms": reference[1]},
        "methods": methods,
        "times_s": times,
        "overrides": list(options.override),
        "environment": {
            "python": platform.python_version(),
            "torch": str(torch.__version__),
            "machine": this_device().cpu_model,
            "date": date.today().isoformat(),
        },
    }


def table_of(result: Mapping[str, Any]) -> Table:
    """Return the hypervolumes at the budgets as a table."""
    table = Table(title=f"{result['task']}: hypervolume of the test split after processor seconds")
    table.add_column("method")
    for budget in result["budgets_s"]:
        table.add_column(f"{budget:g} s", justify="right")
    for name, found in result["methods"].items():
        table.add_row(name, *(f"{m:.3f} ± {s:.3f}" for m, s in zip(found["mean"], found["std"], strict=True)))
    return table


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_setting_arguments(parser)
    parser.add_argument("--methods", default=",".join(METHODS), help="names, separated by commas")
    parser.add_argument("--budgets", help="processor seconds, separated by commas")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path("outputs/anytime"), help="where runs leave their points")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="write the curves with bands")
    options = parser.parse_args()
    if options.seeds < 1:
        parser.error(f"--seeds: expected how many runs a method has, at least 1, got {options.seeds}")
    options.methods = options.methods.split(",")
    names = [*METHODS, *WITH_SUPERNETS]
    if unknown := set(options.methods) - set(names):
        raise SystemExit(f"--methods: expected names among {', '.join(names)}, got {', '.join(sorted(unknown))}")
    options.budgets = [float(b) for b in options.budgets.split(",")] if options.budgets else BUDGETS[options.task]
    try:
        result = measure(options)
    except NasweaveError as error:
        raise SystemExit(f"benchmarks.anytime: {error}") from error
    if options.picture is not None:
        from benchmarks.anytime_picture import draw

        draw(result, options.picture)
    print(json.dumps(result, indent=1)) if options.json else Console().print(table_of(result))


if __name__ == "__main__":
    main()
