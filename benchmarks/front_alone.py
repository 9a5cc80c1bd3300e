"""Whether the networks of a front are as good as the same ones trained alone, from random weights, for as many steps.

``python -m benchmarks.front_alone --task TASK`` lets our search spend a budget of processor seconds; then each network
of the front that it would hand over is trained anew in one round, the best that is known where the number of steps is
fixed before. ``--json`` prints one object: validation and test errors of both, and how many networks of the front are
worse than alone by the validation split: by more than a twentieth, and by more than 0.3 points.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

from benchmarks.anytime_methods import nasweave
from benchmarks.anytime_setting import Curve, measure_one_search, open_setting
from runs.evaluation.rounds import RoundsEvaluator
from supernet.calibration import calibrate
from supernet.training import Evaluator

__all__ = ["is_worse", "measure"]


def is_worse(front: float, alone: float) -> bool:
    """Return whether an error of the front is worse than alone: by a twentieth and by 0.3 points."""
    return front > 1.05 * alone and front > alone + 0.3


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Return the object that ``--json`` prints."""
    torch.set_num_threads(1)
    setting = open_setting(options.task, options.override, data_root=options.data_root)
    with threadpool_limits(1), tempfile.TemporaryDirectory(prefix="alone-") as scratch:
        curve = Curve(setting=setting, limit=options.budget)
        searched = nasweave(setting, curve, options.seed, Path(scratch))
        rounds, search = searched.rounds, searched.search
        alone = RoundsEvaluator(
            setting.space,
            setting.data,
            rounds.config,
            optimizer=rounds.optimizer,
            folder=Path(scratch) / "alone",
            start=rounds.start,
            origin=rounds.origin,
        )
        test = Evaluator(setting.data, split=setting.data.test, bf16=rounds.config.bf16)
        genes, steps, errors = search.trained
        rows = []
        for i in search.front:
            network, done = setting.space.decode(genes[[i]])[0], int(steps[i])
            error = alone.train(network, steps=done).error
            ours, theirs = (test(calibrate(r.network(network), setting.data)).error for r in (rounds, alone))
            rows.append(
                {
                    "latency_ms": float(setting.known(genes[[i]])[0, 0]),
                    "steps": done,
                    "error": float(errors[i]),
                    "error_alone": error,
                    "test_error": ours,
                    "test_error_alone": theirs,
                }
            )
    ratios = {name: [(r[name] + 1e-9) / (r[f"{name}_alone"] + 1e-9) for r in rows] for name in ("error", "test_error")}
    return {
        "task": options.task,
        "budget_s": options.budget,
        "seed": options.seed,
        "front": len(rows),
        "worse": sum(is_worse(r["error"], r["error_alone"]) for r in rows),
        "median_ratio": round(statistics.median(ratios["error"]), 3),
        "median_test_ratio": round(statistics.median(ratios["test_error"]), 3),
        "networks": sorted(rows, key=lambda r: r["latency_ms"]),
    }


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.front_alone",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result = measure_one_search(parser, measure)
    if result is None:
        return
    table = Table(title=f"{result['task']}: {result['worse']} of {result['front']} networks are worse than alone")
    for name in result["networks"][0]:
        table.add_column(name.replace("_", " "), justify="right")
    for row in result["networks"]:
        table.add_row(*(f"{value:.4g}" for value in row.values()))
    Console().print(table)


if __name__ == "__main__":
    main()
