"""A joint search of architecture and precision against a search in float whose front is quantised afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from runs.objectives import objectives_by_name
from runs.objectives.pareto import hypervolume, non_dominated
from runs.pipeline.plan import Plan
from runs.pipeline.stages.devices import DEVICES
from runs.pipeline.stages.train import TRAIN
from runs.search import CostFunction, Problem, SearchResult, build_sampler, run_search
from search_space import Architecture, Genes, SearchSpace, space_from_mapping
from search_space.precision import FLOAT
from supernet import catalogue
from supernet.training import Evaluator

__all__ = ["in_precision", "joint_hypervolume_gain"]

_OBJECTIVES = ("validation_error", "latency_ms", "size_bytes")
Values = NDArray[np.float64]


def in_precision(
    space: SearchSpace, architecture: Architecture, precision: str, *, mixer: bool = True, channel: bool = True
) -> Architecture:
    """Return the network with its mixers, its channel mixers or both in a precision, where they have linear layers."""
    layers = tuple(
        space.canonical_layer(
            replace(
                layer,
                mixer_precision=precision if mixer else layer.mixer_precision,
                channel_precision=precision if channel else layer.channel_precision,
            )
        )
        for layer in architecture.layers
    )
    return replace(architecture, layers=layers)


def quantised(space: SearchSpace, architecture: Architecture) -> Iterator[Architecture]:
    """Yield a float network in each integer precision: all of it, then its channel mixers alone, then its mixers."""
    for parts in ({}, {"mixer": False}, {"channel": False}):
        for precision in space.precision:
            if precision != FLOAT:
                yield in_precision(space, architecture, precision, **parts)


def _search(
    space: SearchSpace,
    cost_function: CostFunction,
    *,
    n_trials: int,
    seed: int,
    evaluate: Callable[[Architecture], float],
) -> SearchResult:
    problem = Problem(objectives=objectives_by_name(_OBJECTIVES), cost_function=cost_function, n_trials=n_trials)
    sampler = build_sampler("nasweave", space, problem=problem, seed=seed)
    return run_search(space, problem=problem, sampler=sampler, evaluate=evaluate)


def joint_hypervolume_gain(plan: Plan, *, evaluations: int, examples: int, seeds: int) -> list[float]:
    """Return for each seed by how many percent the joint search's hypervolume is larger, both with ``evaluations``.

    The other one spends half of them on a search among float networks, in the same three objectives, and the other half
    on that search's front in every integer precision, first networks that are all in one of them.
    """
    context, supernet, costs = plan.context, plan.run(TRAIN), plan.run(DEVICES).costs
    space, data = context.space, context.data
    evaluator = Evaluator(data, split=data.validation, bf16=True, examples=examples)
    known: dict[str, float] = {}

    def error(architecture: Architecture) -> float:
        if architecture.key not in known:
            known[architecture.key] = evaluator(supernet, architecture).error
        return known[architecture.key]

    def values(architectures: list[Architecture]) -> Values:
        cost_function = costs(space.encode(architectures))
        errors = [error(a) for a in architectures]
        return np.column_stack([errors, *(cost_function[name] for name in _OBJECTIVES[1:])])

    in_float = space_from_mapping(
        {**context.config.space, "precision": [FLOAT]}, task=data.shape, catalogue=catalogue()
    )

    def costs_in_float(genes: Genes) -> dict[str, Values]:
        return dict(costs(space.encode(in_float.decode(genes))))

    gains = []
    for seed in range(seeds):
        joint = _search(space, costs, n_trials=evaluations, seed=seed, evaluate=error)
        floats = _search(in_float, costs_in_float, n_trials=evaluations // 2, seed=seed, evaluate=error)
        found = [e.architecture for e in floats.evaluated]
        front = [a for a, keep in zip(found, non_dominated(values(found)), strict=True) if keep]
        after = {a.key: a for a in found}
        for group in zip(*(quantised(space, a) for a in front), strict=True):
            for architecture in group:
                if len(after) < evaluations:
                    after[architecture.key] = architecture
        ours, theirs = values([e.architecture for e in joint.evaluated]), values(list(after.values()))
        low, high = (getattr(np.vstack([ours, theirs]), end)(axis=0) for end in ("min", "max"))
        volume_ours, volume_theirs = (hypervolume((v - low) / (high - low), np.ones(3)) for v in (ours, theirs))
        gains.append(100 * (volume_ours / volume_theirs - 1))
    return gains
