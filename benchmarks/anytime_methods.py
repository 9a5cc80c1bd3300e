"""The methods of ``benchmarks.anytime``: each buys training until its time is over, and leaves every state it came to.

The rivals train their networks alone, from random weights, with the trainer that ours has.

Papers: Schmucker et al. 2021 (arXiv:2106.12639: multi-objective asynchronous successive halving); Real et al. 2019
(regularised evolution); Yu & Huang 2019 and Cai et al. 2020 (inherited weights).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.anytime_setting import Curve, Setting
from predictors import QualityPredictor
from runs.evaluation.baselines import every_uniform
from runs.evaluation.rounds import RoundsEvaluator, random_start
from runs.objectives.pareto import non_dominated
from runs.search.algorithms.ask_tell import ArrayProblem
from runs.search.algorithms.design import skewed_sample
from runs.search.algorithms.genotype import SpaceGenotype
from runs.search.algorithms.guided import GuidedSearch
from runs.search.fidelities import FidelitySearch, FidelityTask, block_affinity, step_cost
from runs.search.fidelities.precisions import useful_precisions
from search_space import Architecture, Genes
from supernet import extract
from supernet.training import Evaluator, Quality, train

__all__ = ["METHODS", "WITH_SUPERNETS", "Searched", "fidelity_task", "nasweave"]

_SHARE, _POPULATION, _TOURNAMENT = 3, 16, 4
_LEAST = 100  # steps of a network trained alone
Method = Callable[[Setting, Curve, int, Path], object]


@dataclass(frozen=True, kw_only=True, slots=True)
class Searched:
    """A search in fidelities that has spent its time, and the weights of all that it trained."""

    search: FidelitySearch
    rounds: RoundsEvaluator


def fidelity_task(setting: Setting, *, inherited_steps: float = 0.0) -> FidelityTask:
    """Return what our search in fidelities is given."""
    return FidelityTask(
        genotype=SpaceGenotype(setting.space, precisions=useful_precisions(setting.space, setting.known)),
        known=setting.known,
        step_cost=step_cost(setting.space, setting.costs),
        params=setting.costs.params,
        rungs=setting.search.rungs,
        affinity=block_affinity(setting.space),
        inherited_steps=inherited_steps,
        simple_error=setting.simple_error,
    )


def nasweave(
    setting: Setting, curve: Curve, seed: int, folder: Path, *, supernet_steps: int = 0, worth: float = 0.0
) -> Searched:
    """Ours: a search in fidelities in which networks begin with the weights of trained ones like them."""
    config = replace(setting.rounds, seed=seed)
    start, origin = random_start(setting.space, seed=seed), f"random {seed}"
    if supernet_steps:
        first = replace(setting.training, seed=seed, steps=supernet_steps)
        supernet = train(setting.space, setting.data, first, folder=folder / "supernet")
        start, origin = (lambda architecture: extract(supernet, architecture)), f"supernet {seed}"
    rounds = RoundsEvaluator(
        setting.space,
        setting.data,
        config,
        folder=folder / "networks",
        start=start,
        origin=origin,
        optimizer=setting.search.optimizer,
        donor_share=setting.search.donor_share,
    )
    search = FidelitySearch(
        fidelity_task(setting, inherited_steps=worth),
        seed=seed,
        initial=setting.search.initial,
        batch=setting.search.batch,
        halving=setting.search.halving,
    )
    space = setting.space
    while not curve.over and (action := search.ask()) is not None:
        architecture = space.decode(np.array([action.genes]))[0]
        donor = None if action.donor is None else space.decode(np.array([action.donor]))[0]
        steps = action.done + action.steps
        quality = rounds.train(architecture, steps=steps, donor=donor)
        search.tell(action, error=quality.error, noise=quality.error_se)
        curve.add(architecture, quality, steps=steps, network=rounds.network(architecture))
        keys = [a.key for a in space.decode(search.trained[0][search.front])]
        curve.fronts.append((curve.seconds, keys))
    return Searched(search=search, rounds=rounds)


def random_halving(setting: Setting, curve: Curve, seed: int, folder: Path) -> None:
    """Random networks under multi-objective asynchronous successive halving."""
    _halving(setting, curve, seed, folder, _random(setting, seed))


def uniform(setting: Setting, curve: Curve, seed: int, folder: Path) -> None:
    """Networks whose layers are all the same, in random order, under the same halving."""
    every = every_uniform(setting.space)
    order = np.random.default_rng(seed).permutation(len(every))
    _halving(setting, curve, seed, folder, (every[i] for i in order))


def evolution(setting: Setting, curve: Curve, seed: int, folder: Path) -> None:
    """Regularised evolution: children of the best of a few of the last networks, each trained as long."""
    rng, space = np.random.default_rng(seed), setting.space
    buy = _alone(setting, curve, seed, folder)
    population: deque[tuple[Genes, float, float]] = deque(maxlen=_POPULATION)
    fresh = _random(setting, seed)
    while not curve.over:
        if len(population) < _POPULATION:
            row = space.encode([next(fresh)])
        else:
            some = [population[i] for i in rng.choice(_POPULATION, _TOURNAMENT, replace=False)]
            values = np.array([(error, latency) for _, error, latency in some])
            parent = some[int(_ranks(values, rng).argmin())][0]
            row = space.mutate(parent, rng, rate=1.5 / len(space.cards))
        architecture = space.decode(row)[0]
        error = buy(architecture, _rungs(setting)[-2]).error
        population.append((row, error, float(setting.known(row)[0, 0])))


def inherited(setting: Setting, curve: Curve, seed: int, folder: Path) -> None:
    """Our former way: a supernet, and a guided search among networks with its weights."""
    config, space = replace(setting.training, seed=seed), setting.space
    try:
        supernet = train(space, setting.data, config, folder=folder / "supernet", progress=partial(_go_on, curve))
    except _OverError:
        return
    judge = Evaluator(setting.data, split=setting.data.validation, bf16=config.bf16)
    rng = np.random.default_rng(seed)
    task = ArrayProblem(
        genotype=SpaceGenotype(setting.space),
        num_objectives=2,
        limits=np.full(2, np.inf),
        surrogates=(lambda: QualityPredictor(space), None),
        known=lambda genes: np.column_stack([np.zeros(len(genes)), setting.known(genes)]),
        corners=space.encode([space.smallest, space.largest]),
    )
    search = GuidedSearch(task)
    while not curve.over:
        rows = search.ask(4, rng)
        errors = []
        for architecture in space.decode(rows):
            quality = judge(supernet, architecture)
            curve.add(architecture, quality, steps=0, network=extract(supernet, architecture))
            errors.append(quality.error)
        search.tell(rows, np.column_stack([errors, setting.known(rows)]))


class _OverError(Exception):
    """The time of a method was over before its supernet was trained."""


def _go_on(curve: Curve, *_: object) -> None:
    if curve.over:
        raise _OverError


METHODS: dict[str, Method] = {
    "nasweave": nasweave,
    "random_halving": random_halving,
    "evolution": evolution,
    "uniform": uniform,
    "inherited": inherited,
}
"""What is compared by default."""

WITH_SUPERNETS: dict[str, Method] = {
    f"nasweave_supernet_{steps}": partial(nasweave, supernet_steps=steps, worth=worth)
    for steps, worth in ((250, 30.0), (500, 60.0), (1500, 100.0))
}
"""Ours, on top of supernets of so many steps: what they are worth at a budget."""


def _alone(setting: Setting, curve: Curve, seed: int, folder: Path) -> Callable[[Architecture, int], Quality]:
    """Return what trains a network alone up to a number of steps, and adds its state to the curve."""
    rounds = RoundsEvaluator(
        setting.space,
        setting.data,
        replace(setting.rounds, seed=seed),
        folder=folder,
        start=random_start(setting.space, seed=seed),
        origin=f"random {seed}",
        optimizer=setting.search.optimizer,
    )

    def buy(architecture: Architecture, steps: int) -> Quality:
        quality = rounds.train(architecture, steps=steps)
        curve.add(architecture, quality, steps=steps, network=rounds.network(architecture))
        return quality

    return buy


def _rungs(setting: Setting) -> list[int]:
    """Return the steps at which a network trained alone is judged, up to about those of ours."""
    count = round(math.log(setting.search.rungs[-1] / _LEAST, _SHARE)) + 1
    return [_LEAST * _SHARE**level for level in range(count)]


def _random(setting: Setting, seed: int) -> Iterator[Architecture]:
    rng, seen = np.random.default_rng([seed, 1]), set()
    while True:
        for architecture in setting.space.decode(skewed_sample(setting.space, rng, 64)):
            if architecture not in seen:
                seen.add(architecture)
                yield architecture


def _halving(setting: Setting, curve: Curve, seed: int, folder: Path, fresh: Iterator[Architecture]) -> None:
    """Promote the better third of a rung as soon as it is there, else begin another network."""
    rng, buy = np.random.default_rng(seed), _alone(setting, curve, seed, folder)
    steps = _rungs(setting)
    rungs: list[dict[Architecture, tuple[float, float]]] = [{} for _ in steps]
    while not curve.over:
        architecture, level = _promoted(rungs, rng)
        if architecture is None:
            architecture, level = next(fresh, None), 0
            if architecture is None:
                return
        error = buy(architecture, steps[level]).error
        rungs[level][architecture] = (error, float(setting.known(setting.space.encode([architecture]))[0, 0]))


def _promoted(
    rungs: Sequence[dict[Architecture, tuple[float, float]]], rng: np.random.Generator
) -> tuple[Architecture | None, int]:
    for level in range(len(rungs) - 2, -1, -1):
        names = list(rungs[level])
        if len(names) >= _SHARE:
            ranks = _ranks(np.array(list(rungs[level].values())), rng)
            for i in np.argsort(ranks)[: len(names) // _SHARE]:
                if names[i] not in rungs[level + 1]:
                    return names[i], level + 1
    return None, 0


def _ranks(values: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the number of each row's front, with a random part below 1 that breaks ties."""
    ranks, left, number = np.zeros(len(values)), np.arange(len(values)), 0
    while len(left):
        front = non_dominated(values[left])
        ranks[left[front]] = number
        left, number = left[~front], number + 1
    return ranks + rng.random(len(values)) * 0.99
