"""Train what a search in fidelities is compared with: the largest network, uniform and random ones, each alone.

They get a share of the search's time, beside it, by successive halving among networks trained alone from their own
random weights; the smallest and the largest network come through every round.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from runs.evaluation.baselines import random_networks, uniform_networks
from runs.evaluation.quality import named
from runs.evaluation.rounds import RoundsEvaluator
from runs.lock import exclusive
from runs.objectives.pareto import non_dominated
from runs.pipeline.context import Context
from runs.pipeline.plan import Stage
from runs.pipeline.search_record import SearchRecord
from runs.pipeline.stages.baselines import Baselines
from runs.pipeline.stages.devices import DEVICES
from runs.pipeline.stages.trained.fidelities import FIDELITY_SEARCH, ROUNDS
from runs.pipeline.trained_records import record_trained
from runs.profiling.devices import Devices
from search_space import Architecture

__all__ = ["TRAINED_BASELINES"]

_KEPT = 1 / 3  # of the networks, after each round


def baselines(context: Context, known: Devices, both: tuple[RoundsEvaluator, RoundsEvaluator]) -> Baselines:
    """Return the networks to compare with; what an earlier command trained is not trained again."""
    space, config, store, run = context.space, context.config, context.store, context.run
    uniform = uniform_networks(space, config.baselines.uniform, cost_function=known.costs)
    random = random_networks(space, config.baselines.random, seed=config.search.seed + 1)
    record = SearchRecord.load(store, run.id)
    assert record is not None, "the search before has kept it"
    sources = {space.smallest: "smallest", space.largest: "largest"}
    for pair in zip_longest(uniform, random):
        for architecture, source in zip(pair, ("uniform", "random"), strict=True):
            if architecture is not None:
                sources.setdefault(architecture, source)
    begin, settings = time.monotonic(), config.search.fidelities
    with exclusive(context.lock):
        if "baselines" not in record.seconds:
            _train(context, known, both[1], sources, seconds=settings.baselines * settings.seconds)
            spent = {"baselines": time.monotonic() - begin}
            record.with_seconds(spent).save(store, run.id, fingerprint=context.weights_fingerprint)
    kept = {c.key for c in store.candidates(run.id, state="complete")}
    return Baselines(
        random=tuple(a.key for a in random if a.key in kept), uniform=tuple(a.key for a in uniform if a.key in kept)
    )


def _train(
    context: Context, known: Devices, train: RoundsEvaluator, sources: Mapping[Architecture, str], *, seconds: float
) -> None:
    """Train the corners, and as many others as the time allows, the better third of them further after each round."""
    space, store = context.space, context.store
    searched = {c.key for c in store.candidates(context.run.id, state="complete")}
    entered = [a for a in sources if a.key not in searched]
    latencies = known.costs(space.encode(entered))["latency_ms"].tolist() if entered else []
    latency = dict(zip(entered, latencies, strict=True))
    corners, rungs = (space.smallest, space.largest), context.config.search.fidelities.rungs
    begin = time.monotonic()
    with context.reporter.progress("train baselines") as progress:
        for number, steps in enumerate(rungs):
            done: dict[Architecture, float] = {}
            for architecture in entered:
                spent = time.monotonic() - begin
                if spent > (2 * seconds if architecture in corners else seconds * (number + 1) / len(rungs)):
                    continue
                quality = train.train(architecture, steps=steps)
                source = sources[architecture]
                record_trained(context, known, architecture, named(quality), steps=steps, source=source)
                done[architecture] = quality.error
                progress(len(done), len(entered), f"{source}, {steps} steps")
            others = [a for a in done if a not in corners]
            values = np.array([[done[a], latency[a]] for a in others]).reshape(-1, 2)
            better = [others[i] for i in _best(values, round(_KEPT * len(others)))]
            entered = [a for a in done if a in corners] + better


def _best(values: NDArray[np.float64], count: int) -> list[int]:
    """Return the rows of the first fronts, until there are enough."""
    left, chosen = np.arange(len(values)), list[int]()
    while len(chosen) < min(count, len(values)):
        first = left[non_dominated(values[left])]
        chosen += first[np.argsort(values[first, 0], kind="stable")].tolist()
        left = np.setdiff1d(left, first)
    return chosen[:count]


TRAINED_BASELINES = Stage(name="baselines", run=baselines, needs=(DEVICES, ROUNDS), after=(FIDELITY_SEARCH,))
