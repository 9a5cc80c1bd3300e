"""What the evaluation of a network costs, and what makes it cheaper: kept batches, bfloat16, batch sizes, early stop.

``python -m benchmarks.evaluation [--json] [KEY=VALUE ...]`` works on a search that is finished and takes the overrides
of its command. Times are processor seconds of one thread, the mean over its first networks. The early stop is played
back over all networks of the search in their order: how large a share of the examples it would have looked at, how many
networks it would have given up, and how many of these are on the front of the whole evaluations.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import time
from collections.abc import Callable
from datetime import date
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from benchmarks.open_run import open_run
from runs.evaluation.candidates import found_candidates
from runs.evaluation.pruning import Archive
from runs.evaluation.quality import named
from runs.objectives import Budget, is_partial
from runs.objectives.front import front
from runs.pipeline.context import Context
from runs.pipeline.plan import Plan
from runs.pipeline.stages.devices import DEVICES
from runs.pipeline.stages.search import SEARCH
from runs.pipeline.stages.train import TRAIN
from search_space import Architecture
from supernet.training import Evaluator, Quality, evaluate

TIMED = 24
BATCH_SIZES = (32, 64, 128, 256, 512, 1024)


def milliseconds(evaluator: Callable[[Architecture], object], networks: list[Architecture]) -> float:
    evaluator(networks[0])
    begin = time.process_time()
    for network in networks:
        evaluator(network)
    return 1e3 * (time.process_time() - begin) / len(networks)


def measure(context: Context) -> dict[str, Any]:
    torch.set_num_threads(1)
    plan = Plan(context)
    plan.run(SEARCH)
    data, supernet, split = context.data, plan.run(TRAIN), context.data.validation
    costs = plan.run(DEVICES).costs
    candidates = found_candidates(context.store, context.run.id, space=context.space, cost_function=costs)
    candidates = [c for c in candidates if c.trial_number is not None]
    candidates = sorted((c for c in candidates if not is_partial(c.values)), key=lambda c: c.trial_number or 0)
    networks = [c.architecture for c in candidates]
    some = networks[:TIMED]
    times = {"made again": milliseconds(lambda a: evaluate(supernet, data=data, split=split, architecture=a), some)}
    for size in BATCH_SIZES:
        for bf16 in (False, True):
            evaluator = Evaluator(data, split=split, batch_size=size, bf16=bf16)
            name = f"kept, batches of {size}, {'bf16' if bf16 else 'fp32'}"
            times[name] = milliseconds(lambda a, evaluator=evaluator: evaluator(supernet, a), some)  # type: ignore[misc]

    best = {c.key for c in front(candidates, context.objectives, Budget())}
    stops = {}
    for size in BATCH_SIZES:
        evaluator, archive = Evaluator(data, split=split, batch_size=size), Archive(context.objectives, Budget())
        looks, seen, given_up, wrongly = max(1, math.ceil(len(split) / size) - 1), 0, 0, 0
        for candidate, network in zip(candidates, networks, strict=True):

            def should_prune(part: Quality, values: Any = candidate.values, archive: Archive = archive) -> bool:
                return archive.should_prune(values, part, looks=looks)  # noqa: B023

            quality = evaluator(supernet, network, should_prune=should_prune)
            archive.add({**candidate.values, **named(quality)})
            seen += quality.examples
            given_up += quality.examples < quality.total
            wrongly += quality.examples < quality.total and candidate.key in best
        share = seen / (len(networks) * len(split))
        stops[str(size)] = {"share_of_examples": share, "given_up": given_up, "of_the_front": wrongly}
    return {
        "date": date.today().isoformat(),
        "device": context.device.cpu_model,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "task": context.config.task.name,
        "networks": len(networks),
        "examples": len(split),
        "cpu_ms_per_network": times,
        "early_stop_by_batch_size": stops,
    }


def show(result: dict[str, Any]) -> None:
    title = f"{result['task']}: {result['examples']} examples, one thread of {result['device']}"
    table = Table("evaluation", "CPU ms a network", title=title)
    for name, value in result["cpu_ms_per_network"].items():
        table.add_row(name, f"{value:.1f}")
    stops = Table("batch size", "share of examples", "given up", "of the front", title="early stop")
    for size, row in result["early_stop_by_batch_size"].items():
        stops.add_row(size, f"{row['share_of_examples']:.3f}", str(row["given_up"]), str(row["of_the_front"]))
    console = Console()
    console.print(table)
    console.print(stops)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE")
    arguments = parser.parse_args()
    result = measure(open_run(arguments.overrides))
    print(json.dumps(result, indent=1)) if arguments.json else show(result)


if __name__ == "__main__":
    main()
