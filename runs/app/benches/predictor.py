"""How good the predictor of latency is on this run's profile: ``nasweave bench predictor``."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from hardware_profiles.atomic import write_atomically
from predictors.latency_evaluation import SplitResult, evaluate_latency
from runs.app.invocation import Invocation
from runs.environment import versions
from runs.pipeline.plan import Plan
from runs.pipeline.stages.profile import PROFILE
from runs.reporter import Table
from runs.reports.figures.residuals_png import residuals_png

__all__ = ["BENCH"]

_COVERAGE = 0.9


def predictor(invocation: Invocation) -> None:
    """Hold networks of the profile out, at random and by time, and show how they are predicted."""
    context = invocation.open()
    profile, reporter = Plan(context).run(PROFILE), context.reporter
    rng = np.random.default_rng(context.config.profile.seed)
    results = evaluate_latency(context.space, profile, rng=rng, coverage=_COVERAGE)
    reporter.table(_table(results))
    reporter.message(f"noise floor {100 * profile.noise_floor:.2f} %, of a network measured twice")
    folder = context.folder / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    facts = {
        "profile": profile.name,
        "versions": versions(),
        "noise_floor": profile.noise_floor,
        "splits": [_facts(result) for result in results],
    }
    write_atomically(folder / "predictor.json", (json.dumps(facts, indent=1) + "\n").encode())
    write_atomically(folder / "predictor.png", residuals_png(results, noise_floor=profile.noise_floor))
    reporter.message(f"residuals: {folder / 'predictor.png'}, numbers: {folder / 'predictor.json'}")


def _table(results: Sequence[SplitResult]) -> Table:
    return Table(
        title="latency predictor",
        columns=("split", "networks", "median error %", "rank correlation", f"{_COVERAGE:.0%} intervals hold %"),
        rows=tuple(
            (
                result.split,
                str(len(result.fold)),
                f"{100 * result.median_error:.2f}",
                f"{result.rank_correlation:.3f}",
                f"{100 * result.covered:.0f}",
            )
            for result in results
        ),
    )


def _facts(result: SplitResult) -> dict[str, object]:
    return {
        "split": result.split,
        "networks": len(result.fold),
        "median_error": result.median_error,
        "rank_correlation": result.rank_correlation,
        "interval": result.coverage,
        "covered": result.covered,
        "predicted_ms": result.predicted_ms.tolist(),
        "measured_ms": result.measured_ms.tolist(),
        "fold": result.fold.tolist(),
    }


BENCH = predictor
