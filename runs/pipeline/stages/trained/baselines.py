"""Train what a search in fidelities is compared with: the largest network, uniform and random ones, each alone.

They get a share of the search's time, beside it, by successive halving among networks trained alone from their own
random weights; the smallest and the largest network come through every round.
"""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from runs.evaluation.pool import Round, RoundsPool
from runs.evaluation.quality import named
from runs.evaluation.rounds import Trainers
from runs.lock import exclusive
from runs.objectives.pareto import non_dominated
from runs.pipeline.context import Context
from runs.pipeline.plan import Stage
from runs.pipeline.search_record import SearchRecord
from runs.pipeline.stages.baselines import Baselines, compared_networks
from runs.pipeline.stages.devices import DEVICES
from runs.pipeline.stages.trained.checkpoint import search_seconds
from runs.pipeline.stages.trained.fidelities import FIDELITY_SEARCH, ROUNDS
from runs.pipeline.stages.trained.purchases import processes_of
from runs.pipeline.trained_records import record_trained
from runs.profiling.devices import Devices
from search_space import Architecture
from search_space.errors import NasweaveError

__all__ = ["TRAINED_BASELINES"]

_STAGE = "baselines"
_KEPT = 1 / 3  # of the networks, after each round
_CORNERS = 2.0  # times the others' time have the smallest and the largest network, which train beside them


def baselines(context: Context, known: Devices, trainers: Trainers) -> Baselines:
    """Return the networks to compare with; what an earlier command trained is not trained again."""
    store, run, settings = context.store, context.run, context.config.search.fidelities
    groups, begin = compared_networks(context, known), time.monotonic()
    with exclusive(context.lock):
        record = SearchRecord.load(store, run.id)
        if record is None or _STAGE not in record.seconds:
            _train(context, known, trainers, _sources(groups), seconds=settings.baselines * search_seconds(context))
            SearchRecord.note(context, seconds={_STAGE: time.monotonic() - begin})
    kept = {c.key for c in store.candidates(run.id, state="complete")}
    found = {name: tuple(a.key for a in groups[name] if a.key in kept) for name in ("random", "uniform")}
    return Baselines(**found)


def _sources(groups: Mapping[str, Sequence[Architecture]]) -> dict[Architecture, str]:
    """Return where each network comes from: the largest, which takes longest, the smallest, each group in turn."""
    sources = {architecture: name for name in ("largest", "smallest") for architecture in groups[name]}
    for pair in zip_longest(groups["uniform"], groups["random"]):
        for architecture, source in zip(pair, ("uniform", "random"), strict=True):
            if architecture is not None:
                sources.setdefault(architecture, source)
    return sources


def _train(
    context: Context,
    known: Devices,
    trainers: Trainers,
    sources: Mapping[Architecture, str],
    *,
    seconds: float,
) -> None:
    """Train the corners, and as many others as the time allows, the better third of them further after each round."""
    space, store, train = context.space, context.store, trainers.compared
    candidates = store.candidates(context.run.id, state="complete")
    searched = {c.key for c in candidates if c.trial_number is not None}  # not those of an interrupted call
    entered = [a for a in sources if a.key not in searched]
    latencies = known.costs(space.encode(entered))["latency_ms"].tolist() if entered else []
    latency = dict(zip(entered, latencies, strict=True))
    corners, rungs = (space.smallest, space.largest), context.config.search.fidelities.rungs
    end = time.monotonic() + _CORNERS * seconds
    with (
        context.reporter.progress("train baselines", limit_s=_CORNERS * seconds) as progress,
        RoundsPool(train, processes=processes_of(context), among=trainers) as pool,
    ):
        for steps in rungs:
            done: dict[Architecture, float] = {}
            begun: list[Architecture] = []

            affordable = _affordable(entered, done, corners=corners, end=end, share=seconds / len(rungs))
            for quality in pool.each(Round(architecture=a, steps=steps) for a in _noted(affordable, begun)):
                if isinstance(quality, NasweaveError):
                    raise quality
                architecture = begun[len(done)]
                source = sources[architecture]
                trained = train.steps(architecture)  # more where an interrupted call came further
                record_trained(context, known, architecture, named(quality), steps=trained, source=source)
                done[architecture] = quality.error
                progress(len(done), len(entered), f"{source}, {trained} steps")
            others = [a for a in done if a not in corners]
            values = np.array([[done[a], latency[a]] for a in others]).reshape(-1, 2)
            better = [others[i] for i in _best(values, round(_KEPT * len(others)))]
            entered = [a for a in done if a in corners] + better


def _affordable(
    entered: Sequence[Architecture],
    done: Mapping[Architecture, float],
    *,
    corners: Collection[Architecture],
    end: float,
    share: float,
) -> Iterator[Architecture]:
    """Yield corners until ``end``, others for a share of the seconds, or as long as the first of all trains beside."""
    others_end = math.inf
    for architecture in entered:
        now = time.monotonic()
        if architecture in corners:
            limit = end
        else:
            others_end = min(others_end, now + share)
            limit = others_end if done else math.inf
        if now <= limit:
            yield architecture


def _noted(architectures: Iterator[Architecture], begun: list[Architecture]) -> Iterator[Architecture]:
    for architecture in architectures:
        begun.append(architecture)
        yield architecture


def _best(values: NDArray[np.float64], count: int) -> list[int]:
    """Return the rows of the first fronts, until there are enough."""
    left, chosen = np.arange(len(values)), list[int]()
    while len(chosen) < min(count, len(values)):
        first = left[non_dominated(values[left])]
        chosen += first[np.argsort(values[first, 0], kind="stable")].tolist()
        left = np.setdiff1d(left, first)
    return chosen[:count]


TRAINED_BASELINES = Stage(name=_STAGE, run=baselines, needs=(DEVICES, ROUNDS), after=(FIDELITY_SEARCH,))
