"""What every search in fidelities is made of, whether one process does it or several: its task, and how it trains."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runs.evaluation.pool import Round, RoundsPool, available_cores
from runs.evaluation.quality import named
from runs.evaluation.rounds import RoundsEvaluator, Trainers
from runs.objectives import TRAINING_STEPS, Objective, noise_of, trained_for
from runs.pipeline.context import Context
from runs.pipeline.stages.search import search_identity
from runs.pipeline.stages.trained.checkpoint import search_seconds
from runs.pipeline.trained_records import network_of
from runs.profiling.devices import Devices
from runs.reports import SimpleModel
from runs.search.algorithms.genotype import PRECISIONS, SpaceGenotype
from runs.search.fidelities import Action, Bought, FidelitySearch, FidelityTask, block_affinity, step_cost
from runs.search.fidelities.precisions import useful_precisions
from search_space import Genes, SearchSpace
from search_space.errors import NasweaveError, StoreError
from supernet.training import Quality
from supernet.training.checkpoint import FILE, load_checkpoint

__all__ = [
    "Train",
    "check_new",
    "fidelity_identity",
    "fidelity_task",
    "final_estimates",
    "new_search",
    "offered_precisions",
    "processes_of",
    "trainer",
    "untrained_costs",
    "watched",
]

Train = Callable[[Sequence[Action]], list[Bought | NasweaveError]]

_CACHE = "cache_bytes"


def fidelity_task(context: Context, known: Devices, simple_models: Sequence[SimpleModel]) -> FidelityTask:
    """Return what the search optimises: the error, or the loss, and the objectives that need no training."""
    aim = trained_for(context.objectives)
    limits = context.budget.limits

    def feasible(genes: Genes) -> NDArray[np.bool_]:
        values = known.costs(genes)
        within = [values[name] <= limit for name, limit in limits.items() if name in values]
        return np.all(within, axis=0) if within else np.ones(len(genes), bool)

    return FidelityTask(
        genotype=SpaceGenotype(context.space, precisions=offered_precisions(context, known)),
        known=untrained_costs(known, context.objectives),
        step_cost=step_cost(context.space, context.costs),
        params=context.costs.params,
        rungs=context.config.search.fidelities.rungs,
        feasible=feasible if limits else None,
        limit_error=limits.get(aim),
        simple_error=simple_models[0].validation_error if simple_models and aim == "validation_error" else None,
        affinity=block_affinity(context.space),
    )


def offered_precisions(context: Context, known: Devices) -> Mapping[str, tuple[str, ...]]:
    """Return the precisions that the search proposes for mixers and for channel mixers, by the name of their genes."""
    if context.config.search.fidelities.precisions == "all":
        return dict.fromkeys(PRECISIONS, context.space.precision)
    costs = untrained_costs(known, (*context.objectives, *context.budget.objectives))
    return useful_precisions(context.space, costs, noise=known.own.noise_floor)


def untrained_costs(known: Devices, objectives: Sequence[Objective]) -> Callable[[Genes], NDArray[np.float64]]:
    """Return what gives the objectives that need no training ``(n, k)``, of which less is better; ones without any.

    All are positive, for the search takes their logarithms: a network that remembers nothing counts as one of the least
    cache.
    """
    untrained = [o for o in objectives if not o.evaluated]

    def costs(genes: Genes) -> NDArray[np.float64]:
        values = known.costs(genes)
        if _CACHE in values:
            values[_CACHE] = np.maximum(values[_CACHE], known.exact.least_cache_bytes)
        columns = [values[o.name] if o.sign > 0 else 1.0 / values[o.name] for o in untrained]
        return np.column_stack(columns) if columns else np.ones((len(genes), 1))

    return costs


def fidelity_identity(context: Context, known: Devices) -> dict[str, Any]:
    """Return what decides a search in fidelities beside what it is told: a begun one goes on with the same."""
    config, settings = context.config.search, context.config.search.fidelities
    own = {
        "examples": context.config.evaluation.examples,
        "objectives": list(config.objectives),
        "rungs": list(settings.rungs),
        "initial": settings.initial,
        "batch": settings.batch,
        "precisions": settings.precisions,
        "seed": config.seed,
    }
    return search_identity(context, known) | own


def check_new(train: RoundsEvaluator, *, first: int) -> None:
    """Refuse a folder with networks of a search that the database does not know: they would pass for new ones.

    A search that was killed in its first round has left networks of ``first`` steps at most.
    """
    for path in sorted(train.folder.glob(f"*/{FILE}")):
        steps = load_checkpoint(path).step
        if steps > first:
            raise StoreError(
                str(train.folder),
                expected="no trained networks, for the database knows no round of this search",
                got=f"{path.parent.name} after {steps} steps",
                remedy="restore the database of that search, remove the folder, or choose another name=",
            )


def new_search(context: Context, known: Devices, simple_models: Sequence[SimpleModel]) -> FidelitySearch:
    """Return the search of a run, which was told nothing yet."""
    config = context.config.search
    for gene, offered in offered_precisions(context, known).items():
        if useless := [name for name in context.space.precision if name not in offered]:
            context.reporter.message(f"search: {gene} {', '.join(useless)} gains nothing on this device, left out")
    settings = config.fidelities
    task = fidelity_task(context, known, simple_models)
    return FidelitySearch(
        task, seed=config.seed, initial=settings.initial, batch=settings.batch, halving=settings.halving
    )


def processes_of(context: Context) -> int:
    """Return how many networks this process trains at a time."""
    settings = context.config.search.fidelities
    together = max(settings.initial, settings.batch)  # what is decided between two fits, and more have nothing to do
    return min(settings.processes or available_cores(), together)


@contextmanager
def trainer(context: Context, trainers: Trainers) -> Iterator[Train]:
    """Give what trains the networks of actions, several at a time."""
    name, train = trained_for(context.objectives), trainers.searched
    with RoundsPool(train, processes=processes_of(context), among=trainers) as pool:

        def bought(actions: Sequence[Action]) -> list[Bought | NasweaveError]:
            wanted = [_round(context.space, action) for action in actions]
            return [
                quality if isinstance(quality, NasweaveError) else _bought(quality, one, objective=name, train=train)
                for one, quality in zip(wanted, pool.train(wanted), strict=True)
            ]

        yield bought


@contextmanager
def watched(context: Context, search: FidelitySearch) -> Iterator[Callable[[float], None]]:
    """Give what shows how far a search has come, by the seconds that it spent."""
    metric, name = context.data.metric, trained_for(context.objectives)
    total = round(search_seconds(context))
    with context.reporter.progress("search", limit_s=total) as progress:

        def show(spent: float) -> None:
            best = min((o.error for o in search.observations), default=math.nan)
            text = f"{metric} {metric.text(best)}" if name == "validation_error" else f"loss {best:.4g}"
            progress(min(round(spent), total), total, f"{len(search.trained[0])} networks, best validation {text}")

        yield show


def final_estimates(context: Context, search: FidelitySearch) -> dict[str, float]:
    """Return the error of each network as the model of a search sees it in the end."""
    if not search.observations:
        return {}
    genes, steps, _ = search.trained
    errors, _ = search.estimates()
    candidates = context.store.candidates(context.run.id, state="complete")
    trained = {c.key: c.values.get(TRAINING_STEPS) for c in candidates}
    networks = zip(context.space.decode(genes), steps.tolist(), errors.tolist(), strict=True)
    # One that was trained further in between is another network than the model knows.
    return {a.key: error for a, own, error in networks if trained.get(a.key) == own}


def _round(space: SearchSpace, action: Action) -> Round:
    return Round(
        architecture=network_of(space, action.genes),
        steps=action.done + action.steps,
        donor=None if action.donor is None else network_of(space, action.donor),
    )


def _bought(quality: Quality, one: Round, *, objective: str, train: RoundsEvaluator) -> Bought:
    values = named(quality)
    return Bought(
        error=values[objective],
        noise=values[noise_of(objective)],
        values=values,
        steps=train.steps(one.architecture),  # more where it was trained further in between
    )
