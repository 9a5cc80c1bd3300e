"""How well a supernet ranks networks, how good its weights are, and what each training rule costs.

``python -m benchmarks.supernet_quality`` takes fashion_mnist and gutenberg and, for each training rule, a supernet of
the task's space. Architectures far apart in the space, all mixers among them, are trained alone, from random weights
with the same hyperparameters and all with the same number of steps. Everything is in float. A row holds

``kendall_tau``
    between the validation errors that the networks have in the supernet and alone;
``inherited_gap``
    the error of the best network of a search in the supernet, less its error alone, in ``gap_unit``: accuracy points,
    or percent of its bits per byte; negative where the inherited weights are the better ones;
``relative_throughput``
    examples a second of the rule's training over those of a plain training of the largest network, in one run.

Long, and resumable: the same command goes on where it was stopped. ``--json`` prints the rows as a list.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from scipy.stats import kendalltau

from benchmarks.alone import Labels, alone_config, fresh_network, qualities_alone
from benchmarks.open_run import open_run
from runs.objectives import exact_costs, objectives_by_name
from runs.pipeline.context import Context
from runs.pipeline.plan import Plan
from runs.pipeline.stages.train import TRAIN
from runs.search import Problem, run_search
from runs.search.algorithms.design import skewed_sample, spread
from search_space import Architecture, SearchSpace, features
from supernet import Network, Supernet
from supernet.training import Evaluator
from supernet.training.distributed import process_group
from supernet.training.loop import Sandwich
from supernet.training.sampling import initial_generator
from supernet.training.state import Rule, Training

TASKS = ("fashion_mnist", "gutenberg")
_SPLIT_BATCH = ("training.rotate_teacher=true", "training.split_batch=true", "training.num_random=3")
RULES = {
    "sandwich": ("training.fair=false", "training.teacher_phase=0"),
    "fair": ("training.teacher_phase=0",),
    "teacher_first": ("training.teacher_phase=0.2",),
    "opening": ("training.teacher_phase=0.1", "training.opening_phase=0.3"),
    "rotate_teacher": ("training.rotate_teacher=true",),
    "split_batch": _SPLIT_BATCH,
    "uniform": (*_SPLIT_BATCH, "training.uniform_every=2"),
}
_POOL = 4000
_TIMED_STEPS = 16


def spread_architectures(space: SearchSpace, count: int, *, seed: int) -> list[Architecture]:
    """Return float architectures far apart from each other in which every mixer of the space occurs."""
    rng = np.random.default_rng(seed)
    pool = {a.key: a for a in (a.in_float() for a in space.decode(skewed_sample(space, rng, _POOL)))}
    networks = list(pool.values())
    points = features(space, space.encode(networks))
    order = spread(points, len(networks), apart_from=points[:0], rng=rng)
    chosen: list[Architecture] = []
    missing = set(space.mixer)
    for i in order:  # the farthest of those that bring a new mixer, then the farthest of all
        new = {layer.mixer for layer in networks[i].layers} & missing
        if new and len(chosen) < count:
            chosen.append(networks[i])
            missing -= new
    rest = (networks[i] for i in order if networks[i] not in chosen)
    return chosen + [a for a, _ in zip(rest, range(count - len(chosen)), strict=False)]


def best_found(context: Context, supernet: Supernet, *, trials: int) -> Architecture:
    """Return the network of the least validation error that a search in the supernet finds, in float."""
    data = context.data
    evaluator = Evaluator(data, split=data.validation, bf16=True, examples=1000)
    known: dict[str, float] = {}

    def evaluate(architecture: Architecture) -> float:
        network = architecture.in_float()
        if network.key not in known:
            known[network.key] = evaluator(supernet, network).error
        return known[network.key]

    result = run_search(
        context.space,
        problem=Problem(
            objectives=objectives_by_name(["validation_error", "flops"]),
            cost_function=partial(exact_costs, context.costs),
            n_trials=trials,
        ),
        evaluate=evaluate,
    )
    return min(result.evaluated, key=lambda e: e.values["validation_error"]).architecture.in_float()


def throughputs(tasks_rules: dict[str, Context], *, folder: Path) -> dict[str, float]:
    """Return the examples a second of each rule, relative to a plain training of the largest network.

    Steps far apart in a training's schedule are timed, all rules in turn, so that the machine's moods are shared.
    """
    first = next(iter(tasks_rules.values()))
    plain = alone_config(first.config.training, steps=first.config.training.steps)
    largest = fresh_network(first.space.largest.in_float(), first.space, plain)
    with process_group() as ranks:

        def training(model: Supernet | Network, rule: Rule, context: Context, plain: bool) -> Training[Any]:
            config = context.config.training
            config = alone_config(config, steps=config.steps) if plain else config
            return Training(model, rule, identity="timed", data=context.data, config=config, folder=folder, ranks=ranks)

        timed = {"": training(largest, Labels(largest, data=first.data, config=plain), first, True)}
        for name, context in tasks_rules.items():
            config = context.config.training
            model = Supernet(context.space, generator=initial_generator(seed=config.seed)).train()
            timed[name] = training(model, Sandwich(model, data=context.data, config=config), context, False)
        seconds: dict[str, list[float]] = {name: [] for name in timed}
        for i in range(-1, _TIMED_STEPS):
            for name, each in timed.items():
                each.step = max(i, 0) * each.config.steps // _TIMED_STEPS
                begin = time.perf_counter()
                each.update()
                if i >= 0:
                    seconds[name].append(time.perf_counter() - begin)
    each_step = {name: statistics.fmean(values) for name, values in seconds.items()}
    return {name: each_step[""] / value for name, value in each_step.items() if name}


def measure(task: str, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Return the rows of one task."""
    common = [f"task={task}", f"outputs={options.folder}", f"training.steps={options.steps}", *options.override]
    rules = {rule: open_run([*common, *RULES[rule]]) for rule in options.rules}
    first = next(iter(rules.values()))
    print(f"{task}: throughput", file=sys.stderr, flush=True)
    relative = throughputs(rules, folder=Path(options.folder) / "timed")
    chosen = spread_architectures(first.space, options.architectures, seed=0)
    supernets = {rule: Plan(context).run(TRAIN) for rule, context in rules.items()}
    best = {rule: best_found(rules[rule], supernet, trials=options.trials) for rule, supernet in supernets.items()}
    taken = {} if options.alone_of is None else errors_alone(options.alone_of, first, steps=options.alone_steps)
    trained = qualities_alone(
        common,
        [a for a in dict.fromkeys([*chosen, *best.values()]) if a.key not in taken],
        steps=options.alone_steps,
        folder=Path(options.folder) / "alone",
        processes=options.processes,
    )
    alone = taken | {key: quality.error for key, quality in trained.items()}
    evaluator = Evaluator(first.data, split=first.data.validation)
    rows = []
    for rule, supernet in supernets.items():
        inherited = [evaluator(supernet, a).error for a in chosen]
        apart = [alone[a.key] for a in chosen]
        tau = kendalltau(inherited, apart)
        mine, its = evaluator(supernet, best[rule]).error, alone[best[rule].key]
        percent = first.data.metric.is_share
        rows.append(
            {
                "task": task,
                "rule": rule,
                "kendall_tau": round(float(tau.statistic), 4),
                "inherited_gap": round(mine - its if percent else 100 * (mine - its) / its, 3),
                "gap_unit": "points of accuracy" if percent else f"% of {first.data.metric}",
                "relative_throughput": round(relative[rule], 4),
                "steps": options.steps,
                "alone_steps": options.alone_steps,
                "alone_of": options.alone_of and options.alone_of.name,
                "best": {"key": best[rule].key, "network": str(best[rule]), "inherited": mine, "alone": its},
                "networks": [
                    {
                        "key": a.key,
                        "network": str(a),
                        "mixers": [layer.mixer for layer in a.layers],
                        "supernet": inherited[i],
                        "alone": apart[i],
                    }
                    for i, a in enumerate(chosen)
                ],
                "metric": first.data.metric.name,
                "space": first.space.name,
                "environment": environment(options),
            }
        )
    return rows


def errors_alone(file: Path, context: Context, *, steps: int) -> dict[str, float]:
    """Return the errors of the networks that were trained alone for an earlier result on the same task, by key."""
    rows = [row for row in json.loads(file.read_text()) if row["task"] == context.config.task.name]
    if any((row["space"], row["alone_steps"]) != (context.space.name, steps) for row in rows):
        raise SystemExit(f"--alone-of: {file} is of another space or another number of steps")
    networks = [network for row in rows for network in row["networks"]]
    best = [row["best"] for row in rows if row["best"] is not None]
    return {n["key"]: n["alone"] for n in [*networks, *best]}


def environment(options: argparse.Namespace) -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "overrides": list(options.override),
        "date": date.today().isoformat(),
    }


def table_of(rows: Sequence[dict[str, Any]]) -> Table:
    table = Table("task", "rule", "Kendall tau", "inherited gap", "throughput", title="quality of supernets")
    for row in rows:
        gap = f"{row['inherited_gap']:+.2f} {row['gap_unit']}"
        table.add_row(row["task"], row["rule"], f"{row['kendall_tau']:.3f}", gap, f"{row['relative_throughput']:.2f}x")
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print the rows as a JSON list")
    parser.add_argument("--tasks", default=",".join(TASKS), help="names, separated by commas")
    parser.add_argument("--rules", default=",".join(RULES), help=f"names among {', '.join(RULES)}")
    parser.add_argument("--architectures", type=int, default=24)
    parser.add_argument("--steps", type=int, default=3000, help="of a supernet")
    parser.add_argument("--alone-steps", type=int, default=1000, help="of a network alone")
    parser.add_argument("--alone-of", type=Path, metavar="FILE", help="take over the trainings alone of this result")
    parser.add_argument("--trials", type=int, default=60, help="networks of the search for the best one")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="networks trained alone at a time")
    parser.add_argument("--folder", default="outputs/supernet_quality", help="where trainings are kept")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="write the scatter plots")
    parser.add_argument("override", nargs="*", help="as nasweave train takes them")
    options = parser.parse_args()
    options.rules = options.rules.split(",")
    if unknown := set(options.rules) - set(RULES):
        raise SystemExit(f"--rules: expected names among {', '.join(RULES)}, got {', '.join(sorted(unknown))}")
    rows = [row for task in options.tasks.split(",") for row in measure(task, options)]
    if options.picture is not None:
        from benchmarks.supernet_quality_picture import draw

        draw(rows, options.picture)
    if options.json:
        print(json.dumps(rows, indent=1))
    else:
        Console().print(table_of(rows))


if __name__ == "__main__":
    main()
