"""Evaluate what a search is compared with: the corners of the space, uniform networks and plain random search."""

from __future__ import annotations

import time
from dataclasses import dataclass

from runs.evaluation.baselines import random_networks, uniform_networks
from runs.evaluation.candidates import record_networks
from runs.evaluation.evaluator import QualityEvaluator
from runs.lock import exclusive
from runs.pipeline.context import Context
from runs.pipeline.plan import Stage
from runs.pipeline.search_record import SearchRecord
from runs.pipeline.stages.devices import DEVICES
from runs.pipeline.stages.evaluator import EVALUATOR
from runs.pipeline.stages.search import SEARCH
from runs.profiling.devices import Devices
from runs.search import StoreRecorder
from search_space import Architecture

__all__ = ["BASELINES", "Baselines", "compared_networks"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Baselines:
    """The keys of the networks of each baseline, which are candidates of the run."""

    random: tuple[str, ...]
    uniform: tuple[str, ...]


def baselines(context: Context, known: Devices, evaluator: QualityEvaluator) -> Baselines:
    """Return the baselines; a network that the run has already is not evaluated again."""
    groups, begin = compared_networks(context, known), time.monotonic()
    with exclusive(context.lock):
        for source, architectures in groups.items():
            with context.reporter.progress(f"evaluate {source}") as progress:
                record_networks(
                    architectures,
                    space=context.space,
                    cost_function=known.costs,
                    evaluate=evaluator,
                    recorder=StoreRecorder(
                        context.store, run_id=context.run.id, predicted=known.predicted, source=source
                    ),
                    progress=progress,
                )
        SearchRecord.note(context, seconds={"baselines": time.monotonic() - begin})
    return Baselines(**{name: tuple(a.key for a in groups[name]) for name in ("random", "uniform")})


def compared_networks(context: Context, known: Devices) -> dict[str, list[Architecture]]:
    """Return the networks that a search is compared with, by where they come from."""
    space, config = context.space, context.config
    return {
        "smallest": [space.smallest],
        "largest": [space.largest],
        "uniform": uniform_networks(space, config.baselines.uniform, cost_function=known.costs),
        "random": random_networks(space, config.baselines.random, seed=config.search.seed + 1),
    }


BASELINES = Stage(name="baselines", run=baselines, needs=(DEVICES, EVALUATOR), after=(SEARCH,))
