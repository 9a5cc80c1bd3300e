"""Small real data: the network that a search exports, against the best simple model of scikit-learn on the same split.

``python -m benchmarks.real_data`` searches ``--seconds`` for each of a dozen data sets (``real_data_sets.py``), error
against parameters, which no profile is needed for. Taken are the network and the simple model that are best on the
validation split; compared are their errors on the test split, which neither was chosen by. ``--json`` prints one
object; ``--override task.options.column_dropout=0`` changes keys, those of tables for tables alone.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping
from datetime import date
from typing import Any

import torch
import yaml
from rich.console import Console
from rich.table import Table

import nasweave as nw
from benchmarks.real_data_sets import DATA_SETS, load
from hardware_profiles import this_device
from runs.environment import versions
from runs.evaluation.references import simple_models
from supernet.tasks import TaskData

__all__ = ["compare", "main"]


_SHORT = {"profile.time_budget": "3s", "baselines.random": 0, "baselines.uniform": 0}  # what is not looked at


def compare(name: str, *, seconds: float, seed: int, overrides: Mapping[str, object]) -> dict[str, Any]:
    """Return the row of one data set: both errors on the test split, the less the better."""
    data = load(name, seed=seed)
    options = {key: value for key, value in overrides.items() if _is_of(key, data)}
    begin = time.monotonic()
    given = {"search.fidelities.time_budget": f"{seconds:g}s", "search.seed": seed, **_SHORT, **options}
    with nw.create_run(task=data, outputs=None, objectives=["validation_error", "params"], overrides=given) as run:
        found = run.search()
        network = nw.load_network(run.export("best", formats=["safetensors"], measure=False).path)
        spent = {stage: round(took, 1) for stage, took in run.seconds.items() if took > 1}
    with torch.inference_mode():
        inputs, targets = data.test.batch(slice(None))
        error = data.error(network(inputs), targets)
    best = found.loc[found.validation_error.idxmin()]
    models = sorted(simple_models(data), key=lambda model: model.validation_error)
    return {
        "data": name,
        "examples": len(data.train),
        "test_examples": len(data.test),
        "metric": data.metric.name,
        "network": error,
        "network_validation": float(best.validation_error),
        "steps": int(best.training_steps),
        "simple": models[0].test_error,
        "simple_validation": models[0].validation_error,
        "simple_model": models[0].name,
        "others": {model.name: model.test_error for model in models[1:]},
        "networks": len(found),
        "seconds": round(time.monotonic() - begin),
        "stages": spent,
    }


def _is_of(key: str, data: TaskData) -> bool:
    """Whether an override is of this data's task: those of tables are of no pictures."""
    return not key.startswith("task.options.") or (data.origin is not None and data.origin.task == "table")


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Return the object that ``--json`` prints."""
    words = (word.partition("=") for word in options.override)
    overrides = {key: yaml.safe_load(value) for key, _, value in words}
    rows = []
    for name in options.only or DATA_SETS:
        load_before = os.getloadavg()[0]
        row = compare(name, seconds=options.seconds, seed=options.seed, overrides=overrides)
        rows.append({**row, "load": round(load_before, 1)})
        print(json.dumps(rows[-1]), flush=True, file=sys.stderr)
    return {
        "seconds": options.seconds,
        "seed": options.seed,
        "overrides": overrides,
        "machine": this_device().name,
        "versions": dict(versions()),
        "date": date.today().isoformat(),
        "rows": rows,
    }


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60, help="of each search (60)")
    parser.add_argument("--seed", type=int, default=0, help="of the splits and the search (0)")
    parser.add_argument("--only", nargs="*", choices=list(DATA_SETS), metavar="DATA", help="some of the data sets")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--override", nargs="*", default=[], metavar="KEY=VALUE", help="of the configuration")
    options = parser.parse_args()
    found = measure(options)
    if options.json:
        print(json.dumps(found, indent=1))
        return
    table = Table(title=f"test errors after {options.seconds:g} s, {found['machine']}, {found['date']}")
    for column in ("data", "examples", "test", "network", "simple", "simple model"):
        table.add_column(column)
    for row in found["rows"]:
        better = [f"{row[key]:.3g}" for key in ("network", "simple")]
        table.add_row(row["data"], str(row["examples"]), str(row["test_examples"]), *better, row["simple_model"])
    Console().print(table)


if __name__ == "__main__":
    main()
