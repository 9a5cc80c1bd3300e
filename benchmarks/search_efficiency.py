"""How fast each search method finds the front of a problem whose front is known.

``python -m benchmarks.search_efficiency --bench DIR --problem NAME`` imports ``problems.py`` from DIR and runs the
methods of :mod:`benchmarks.search_methods` on ``problems.load(NAME)``, nothing of which is tuned to a problem. A
problem says ``cards``, ``canonical(row)``, its values when called with a row, and the ``share`` of the reference
hypervolume that a list of values covers. Progress goes to standard error; ``--json`` prints one JSON object::

    {"problem": ..., "evaluations": 250, "seeds": 20, "checkpoints": [50, 100, 150, 200, 250],
     "methods": {"nasweave": {"mean": [...], "std": [...], "seconds_per_evaluation": ...}, ...}, ...}

``mean`` and ``std`` are of ``share`` over the seeds, one number a checkpoint, in their order, as in ``baselines.json``;
the deviation is that of the population, like there. ``shares`` holds such a list for every seed.
``seconds_per_evaluation`` is the method's own time, without the problem's.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import optuna
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

from benchmarks.search_methods import METHODS, Problem

_EVERY = 50


def load_problems(folder: Path) -> ModuleType:
    """Import ``problems.py`` of a folder."""
    file = folder / "problems.py"
    if not file.is_file():
        raise SystemExit(f"--bench: expected a folder with problems.py, got {folder}")
    spec = importlib.util.spec_from_file_location("problems", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["problems"] = module  # its dataclasses look their own module up
    spec.loader.exec_module(module)
    return module


@dataclass(kw_only=True, slots=True)
class Log:
    """What one run evaluated, and the time that the problem itself took."""

    problem: Problem
    points: list[tuple[float, ...]] = field(default_factory=list)
    seconds: float = 0.0

    def __call__(self, row: NDArray[np.int64]) -> NDArray[np.float64]:
        begin = time.perf_counter()
        values = self.problem(row)
        self.seconds += time.perf_counter() - begin
        self.points.append(tuple(values))
        return np.array(values, float)


def curve(
    problem: Problem, method: str, *, evaluations: int, checkpoints: Sequence[int], seed: int
) -> tuple[list[float], float]:
    """Return the share at each checkpoint, and the method's own seconds per evaluation."""
    log = Log(problem=problem)
    objectives = len(problem([0] * len(problem.cards)))
    begin = time.perf_counter()
    METHODS[method](problem, log, evaluations=evaluations, objectives=objectives, seed=seed)
    seconds = (time.perf_counter() - begin - log.seconds) / max(len(log.points), 1)
    return [problem.share(log.points[:count]) for count in checkpoints], seconds


def measure(
    problem: Problem, name: str, *, methods: Sequence[str], seeds: int, evaluations: int, first_seed: int = 0
) -> dict[str, Any]:
    """Run every method with every seed; progress on standard error."""
    checkpoints = sorted({*range(_EVERY, evaluations + 1, _EVERY), evaluations})
    found: dict[str, Any] = {}
    for method in methods:
        shares, seconds = [], []
        for seed in range(first_seed, first_seed + seeds):
            share, each = curve(problem, method, evaluations=evaluations, checkpoints=checkpoints, seed=seed)
            shares.append(share)
            seconds.append(each)
            print(
                f"{name} {method} seed {seed}: {share[-1]:.4f}, {1e3 * each:.1f} ms each", file=sys.stderr, flush=True
            )
        found[method] = {
            "mean": np.mean(shares, axis=0).round(5).tolist(),
            "std": np.std(shares, axis=0).round(5).tolist(),
            "seconds_per_evaluation": round(float(np.mean(seconds)), 5),
            "seeds": seeds,
            "shares": np.round(shares, 5).tolist(),
        }
    return {
        "problem": name,
        "evaluations": evaluations,
        "seeds": seeds,
        "checkpoints": checkpoints,
        "methods": found,
        "environment": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "optuna": optuna.__version__,
            "machine": platform.machine(),
            "date": date.today().isoformat(),
        },
    }


def baselines_of(module: ModuleType, name: str) -> dict[str, Any]:
    """Return the problem's rows of ``baselines.json`` by name, with their checkpoints; nothing where there are none."""
    try:
        content = module.baselines()
        return {"checkpoints": content["evaluations"], "methods": content["share of the reference hypervolume"][name]}
    except (AttributeError, OSError, KeyError):
        return {"checkpoints": [], "methods": {}}


def table_of(result: dict[str, Any], baselines: dict[str, Any]) -> Table:
    table = Table(title=f"{result['problem']}: share of the reference hypervolume, {result['seeds']} seeds")
    table.add_column("method")
    for checkpoint in result["checkpoints"]:
        table.add_column(str(checkpoint), justify="right")
    table.add_column("ms each", justify="right")
    for name, row in result["methods"].items():
        cells = [f"{m:.4f} ± {s:.4f}" for m, s in zip(row["mean"], row["std"], strict=True)]
        own = row.get("seconds_per_evaluation")
        table.add_row(name, *cells, "" if own is None else f"{1e3 * own:.1f}")
    if baselines["checkpoints"] == result["checkpoints"]:
        for name, row in baselines["methods"].items():
            cells = [f"{m:.4f} ± {s:.4f}" for m, s in zip(row["mean"], row["std"], strict=True)]
            table.add_row(name, *cells, "")
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", type=Path, required=True, metavar="DIR", help="folder of problems.py")
    parser.add_argument("--problem", required=True, metavar="NAME", help="what problems.load is called with")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--evaluations", type=int, default=250)
    parser.add_argument("--methods", default=",".join(METHODS), help="names, separated by commas")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="write the curves with error bands")
    options = parser.parse_args()
    methods = [name for name in options.methods.split(",") if name]
    if unknown := [name for name in methods if name not in METHODS]:
        raise SystemExit(f"--methods: expected names among {', '.join(METHODS)}, got {', '.join(unknown)}")
    if min(options.seeds, options.evaluations) < 1:
        raise SystemExit("--seeds and --evaluations: expected 1 or more")
    module = load_problems(options.bench)
    with threadpool_limits(1):
        result = measure(
            module.load(options.problem),
            options.problem,
            methods=methods,
            seeds=options.seeds,
            evaluations=options.evaluations,
            first_seed=options.first_seed,
        )
    baselines = baselines_of(module, options.problem)
    if options.picture is not None:
        from benchmarks.search_picture import draw

        draw(result, baselines, options.picture)
    if options.json:
        print(json.dumps(result, indent=1))
    else:
        Console().print(table_of(result, baselines))


if __name__ == "__main__":
    main()
