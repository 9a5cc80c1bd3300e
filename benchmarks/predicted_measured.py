"""Predicted latencies against measurements that the predictor has not seen, on this machine.

``python -m benchmarks.predicted_measured OVERRIDES`` takes the overrides of ``nasweave search`` and measures, after the
profile and apart from it, random networks of the space and, with ``--front``, all networks on the front of the finished
search. Run it again hours later under another ``--label``: every label is a measurement of its own. A row says for one
group of networks how far the predictions are off, how often the 90 % intervals hold, and the noise floor, which is the
standard deviation of a measurement made twice. ``--json`` prints one JSON object, ``--picture`` draws the residuals.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.open_run import open_run
from hardware_profiles import Profile
from predictors import LatencyPredictor
from predictors.latency_evaluation import SplitResult
from runs.environment import versions
from runs.evaluation.candidates import found_candidates
from runs.objectives.front import front
from runs.pipeline.context import Context
from runs.pipeline.plan import Plan
from runs.pipeline.stages.devices import DEVICES
from runs.pipeline.stages.profile import PROFILE
from runs.pipeline.stages.search import SEARCH
from runs.profiling.measuring import measure
from runs.reports.figures.residuals_png import residuals_png
from search_space import Architecture, SearchSpace

_COVERAGE = 0.9
_ROUNDS = 3  # of measuring each network, as for the finalists of a search


def random_networks(space: SearchSpace, profile: Profile, *, count: int, seed: int) -> list[Architecture]:
    """Return random networks that are not in the profile."""
    rng = np.random.default_rng(seed)
    known = {a for a, _ in profile.networks}
    drawn = space.decode(space.sample_genes(rng, 4 * count))
    return [a for a in dict.fromkeys(drawn) if a not in known][:count]


def front_networks(plan: Plan) -> list[Architecture]:
    plan.run(SEARCH)
    context, costs = plan.context, plan.run(DEVICES).costs
    candidates = found_candidates(context.store, context.run.id, space=context.space, cost_function=costs)
    members = front(candidates, context.objectives, context.budget)
    return [c.architecture for c in members]


def compare(
    context: Context, profile: Profile, networks: Sequence[Architecture], *, group: str, label: str, order: int
) -> tuple[dict[str, Any], SplitResult]:
    """Measure the networks and return the row with the predictions."""
    with context.reporter.progress(f"measure {group}") as progress:
        measured = measure(
            networks,
            target=context.target,
            config=context.config.profile,
            store=context.store,
            key=f"{context.target.key}-{group}-{label}",
            task=context.config.task.name,
            folder=context.profiles,
            baseline_ms=profile.baseline_ms,
            rounds=_ROUNDS,
            progress=progress,
        )
    predictor = LatencyPredictor(context.space).fit(profile)
    genes = context.space.encode([a for a, _ in measured.networks])
    milliseconds = np.array([m.latency_ms for _, m in measured.networks])
    low, high = predictor.predict_interval(genes, coverage=_COVERAGE).T
    result = SplitResult(
        split=group,
        coverage=_COVERAGE,
        predicted_ms=predictor.predict(genes),
        measured_ms=milliseconds,
        inside=(low <= milliseconds) & (milliseconds <= high),
        fold=np.full(len(genes), order),
    )
    error = np.abs(result.relative_errors)
    row = {
        "group": group,
        "label": label,
        "networks": len(genes),
        "median_error_percent": round(100 * result.median_error, 3),
        "largest_error_percent": round(100 * float(error.max()), 3),
        "bias_percent": round(100 * float(np.median(result.relative_errors)), 3),
        "rank_correlation": round(result.rank_correlation, 4),
        "intervals_hold_percent": round(100 * result.covered, 1),
        "noise_floor_percent": round(100 * profile.noise_floor, 3),
        "error_over_noise_floor": round(result.median_error / profile.noise_floor, 2),
        "hours_after_the_profile": round(_hours_between(profile, measured), 2),
        "predicted_ms": result.predicted_ms.round(5).tolist(),
        "measured_ms": milliseconds.round(5).tolist(),
        "networks_keys": [a.key for a, _ in measured.networks],
    }
    return row, result


def _hours_between(profile: Profile, later: Profile) -> float:
    def middle(of: Profile) -> float:
        return float(np.median([datetime.fromisoformat(m.measured_at).timestamp() for m in of.measurements]))

    return (middle(later) - middle(profile)) / 3600


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--random", type=int, default=50, help="random networks")
    parser.add_argument("--front", action="store_true", help="the networks on the front too; searches first")
    parser.add_argument("--label", default="first", help="names this measurement")
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--picture", type=Path, metavar="FILE")
    parser.add_argument("override", nargs="*", help="as nasweave search takes them")
    options = parser.parse_args()
    context = open_run(options.override)
    plan = Plan(context)
    profile = plan.run(PROFILE)
    groups = {"random": random_networks(context.space, profile, count=options.random, seed=options.seed)}
    if options.front:
        groups["front"] = front_networks(plan)
    compared = [
        compare(context, profile, networks, group=group, label=options.label, order=i)
        for i, (group, networks) in enumerate(groups.items())
    ]
    rows = [row for row, _ in compared]
    result = {
        "device": profile.device.name,
        "setting": str(context.setting),
        "runtime_version": context.runtime.version(),
        "task": context.config.task.name,
        "space": context.space.name,
        "overrides": [o for o in options.override if not o.startswith(("outputs=", "data_root="))],
        "profile": {"blocks": len(profile.blocks), "networks": len(profile.networks), **profile.provenance},
        "rows": rows,
        "versions": dict(versions()),
    }
    if options.picture is not None:
        options.picture.write_bytes(residuals_png([r for _, r in compared], noise_floor=profile.noise_floor))
    if options.json:
        print(json.dumps(result, indent=1))
        return
    shown = [name for name in rows[0] if not isinstance(rows[0][name], list)]
    table = Table(*(name.replace("_", " ") for name in shown), title=f"{profile.device.name}, {context.setting}")
    for row in rows:
        table.add_row(*(str(row[name]) for name in shown))
    Console().print(table)


if __name__ == "__main__":
    main()
