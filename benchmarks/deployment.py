"""Exported networks against the largest network in INT8: what searching architecture and precision together gains.

``python -m benchmarks.deployment`` takes fashion_mnist, clinc150 and gutenberg through profile, training, search,
finetuning and export, and writes a row a task to ``benchmarks/results/deployment_<device>_<date>.json``:

``latency_ratio, size_ratio``
    of the largest network of the space, all in 8 bits, over the chosen one: latencies of the exported graphs, measured
    in turns in one run, and bytes of their files;
``quality, baseline_quality``
    of both on the test split, in the task's metric. Both are finetuned in the same way. The goal is 4.80x lower latency
    and a 3.44x smaller file: successive halving finetunes networks of a search under this budget; where its winner
    is worse than the baseline on the validation split, those of a search under a lower goal, and so on. Chosen is the
    first winner that is as good, or the best of them where none is;
``uniform_latency_ratio``
    of a network with the same mixer, sizes and precision in all layers that is as good as the chosen one, over the
    chosen one. All of them are evaluated in the supernet, and the best of those up to 1.3 times as slow enter a
    successive halving as the chosen one did; where its winner is worse, those up to 2.5 times as slow. A faster one may
    be as good as the winner, even where the chosen one is uniform itself. Null where no winner is, which
    ``uniform_is_slower_than`` tells, or none was sought;
``joint_hypervolume_gain``
    percent of hypervolume (validation error, latency, size) by which a joint search is ahead of a search in float whose
    front is quantised afterwards, at the same number of evaluations, a mean over seeds; null where none is asked for.

Long, and resumable: the same command goes on where it was stopped. ``--json`` prints the rows as a list.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.deployment_networks import (
    EXAMPLES,
    GOALS,
    SLOWER,
    Tuned,
    Uniform,
    best_uniform,
    finetuned_baseline,
    int8,
    winners,
)
from benchmarks.joint_search import in_precision, joint_hypervolume_gain
from benchmarks.open_run import open_run
from hardware_profiles.atomic import write_atomically
from runs.environment import versions
from runs.evaluation.baselines import every_uniform
from runs.pipeline.plan import Plan
from runs.pipeline.stages.baselines import BASELINES
from runs.pipeline.stages.devices import DEVICES
from runs.pipeline.stages.evaluator import NETWORKS
from runs.profiling.builder import Builder
from runs.profiling.measuring import measure

TASKS = ("fashion_mnist", "clinc150", "gutenberg")
_ROUNDS = 5


def measure_task(task: str, options: argparse.Namespace) -> dict[str, Any] | None:
    """Return the row of one task, nothing where only the trainings are asked for."""
    overrides = [f"task={task}", f"outputs={options.folder}", *options.override]
    overrides += [f"finetune.steps={options.finetune_steps}"]
    base = [*overrides, "name=deployment", "search.n_trials=1", "evaluation.finetune_steps=0"]
    base += ["baselines.random=0", "baselines.uniform=0"]
    context = open_run(base)
    plan = Plan(context)
    plan.run(BASELINES)  # after a search of hardly anything: the goals have searches of their own
    data, space, known = context.data, context.space, plan.run(DEVICES)
    largest = in_precision(space, space.largest, int8(space))
    base_ms = float(known.costs(space.encode([largest]))["latency_ms"][0])
    baseline = finetuned_baseline(base, largest)
    found = winners(overrides, baseline, latency_ms=base_ms, initial_configurations=options.race, goals=options.goals)
    tried = list({t.architecture.key: t for t in found}.values())  # one network may win twice
    if not tried:
        raise SystemExit(f"{task}: the search saw no network that is faster and smaller than the largest one in INT8")
    print(f"{task}: {1 + len(tried)} networks finetuned", file=sys.stderr, flush=True)
    chosen = min(tried, key=lambda t: t.files.validation_error)
    chosen_ms = float(known.costs(space.encode([chosen.architecture]))["latency_ms"][0])
    uniform = None
    if chosen.architecture in every_uniform(space):
        files = chosen.files
        uniform = Uniform(
            architecture=chosen.architecture, validation_error=files.validation_error, test_error=files.test_error
        )
    elif not options.without_uniform:
        uniform = best_uniform(
            plan,
            error=chosen.files.validation_error,
            latency_ms=chosen_ms,
            count=options.uniform_race,
            up_to=options.uniform_up_to,
        )
    if options.prepare:
        return None
    timed = [t.architecture for t in (baseline, *tried)] + ([] if uniform is None else [uniform.architecture])
    with context.reporter.progress("measure exports") as progress:
        measured = measure(
            list(dict.fromkeys(timed)),
            target=context.target,
            config=context.config.profile,
            store=context.store,
            key=f"{context.target.key}-deployment-{date.today().isoformat()}",
            task=task,
            folder=context.profiles,
            builder=Builder(space, setting=context.setting, networks=plan.run(NETWORKS)),
            baseline_ms=known.own.baseline_ms,
            rounds=_ROUNDS,
            progress=progress,
        )
    latency_ms = {a.key: m.latency_ms for a, m in measured.networks}

    def quality(error: float) -> float:
        return round(data.metric.value(error), 4)

    def facts(tuned: Tuned) -> dict[str, Any]:
        return {
            "key": tuned.architecture.key,
            "network": str(tuned.architecture),
            "latency_ms": latency_ms[tuned.architecture.key],
            "onnx_bytes": tuned.onnx_bytes,
            "validation": quality(tuned.files.validation_error),
            "test": quality(tuned.files.test_error),
        }

    gains = joint_hypervolume_gain(plan, evaluations=options.evaluations, examples=EXAMPLES, seeds=options.seeds)
    uniform_ms = None if uniform is None else latency_ms[uniform.architecture.key]
    uniform_facts = uniform and {
        "network": str(uniform.architecture),
        "latency_ms": uniform_ms,
        "validation": quality(uniform.validation_error),
        "test": quality(uniform.test_error),
    }
    return {
        "task": task,
        "runtime": context.setting.runtime,
        "latency_ratio": round(latency_ms[largest.key] / latency_ms[chosen.architecture.key], 3),
        "size_ratio": round(baseline.onnx_bytes / chosen.onnx_bytes, 3),
        "quality": quality(chosen.files.test_error),
        "baseline_quality": quality(baseline.files.test_error),
        "uniform_latency_ratio": uniform_ms and round(uniform_ms / latency_ms[chosen.architecture.key], 3),
        "joint_hypervolume_gain": round(float(np.mean(gains)), 3) if gains else None,
        "metric": data.metric.name,
        "reached": chosen.files.validation_error <= baseline.files.validation_error,
        "baseline": facts(baseline),
        "chosen": facts(chosen),
        "tried": [facts(a) for a in tried],
        "uniform": uniform_facts,
        "joint_hypervolume_gains": [round(g, 3) for g in gains],
        "uniform_is_slower_than": options.uniform_up_to if uniform is None and not options.without_uniform else None,
        "finetune_steps": options.finetune_steps,
        "race": options.race,
        "uniform_race": options.uniform_race,
        "goals": GOALS[: options.goals],
        "space": space.name,
        "device": context.device.name,
        "date": date.today().isoformat(),
        "runtime_version": context.runtime.version(),
        "overrides": list(options.override),
        "versions": dict(versions()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print the rows as a JSON list")
    parser.add_argument("--tasks", default=",".join(TASKS), help="names, separated by commas")
    parser.add_argument("--folder", default="outputs", help="where profiles, supernets and runs are kept")
    parser.add_argument("--results", type=Path, default=Path("benchmarks/results"), help="where the rows are written")
    parser.add_argument("--finetune-steps", type=int, default=1000)
    parser.add_argument("--race", type=int, default=9, help="initial configurations of each goal")
    parser.add_argument("--uniform-race", type=int, default=27, help="initial configurations of each span")
    parser.add_argument(
        "--uniform-up-to", type=float, default=SLOWER[-1], choices=SLOWER[1:], help="times as slow as the chosen one"
    )
    parser.add_argument("--goals", type=int, default=len(GOALS), help="how many goals are sought, the highest first")
    parser.add_argument("--evaluations", type=int, default=120, help="of each search for the hypervolume")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--without-uniform", action="store_true", help="seek no uniform network, which takes longest")
    parser.add_argument("--prepare", action="store_true", help="train only; measure later, when the machine is quiet")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="write quality over latency and size")
    parser.add_argument("override", nargs="*", help="as nasweave run takes them")
    options = parser.parse_args()
    rows = [row for task in options.tasks.split(",") if (row := measure_task(task, options)) is not None]
    if options.prepare:
        return
    name = f"deployment_{rows[0]['device']}_{date.today().isoformat()}.json"
    options.results.mkdir(parents=True, exist_ok=True)
    text = json.dumps(rows, indent=1)
    write_atomically(options.results / name, (text + "\n").encode())
    if options.picture is not None:
        from benchmarks.deployment_picture import draw

        draw(rows, options.picture)
    if options.json:
        print(text)
        return
    shown = list(rows[0])[:8]
    table = Table(*(heading.replace("_", " ") for heading in shown), title="against the largest network in INT8")
    for row in rows:
        table.add_row(*(str(row[heading]) for heading in shown))
    Console().print(table)


if __name__ == "__main__":
    main()
