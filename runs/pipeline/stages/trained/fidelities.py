"""Search in fidelities: buy training for the networks that promise most, and keep them as they were trained."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runs.evaluation.pool import Round, RoundsPool, available_cores
from runs.evaluation.quality import named
from runs.evaluation.rounds import RoundsEvaluator
from runs.evaluation.trained import TrainedEvaluator, TrainedNetworks
from runs.objectives import TRAINING_STEPS, noise_of, trained_for
from runs.pipeline.context import Context
from runs.pipeline.plan import SECONDS, Stage
from runs.pipeline.search_record import SearchRecord
from runs.pipeline.stages.devices import DEVICES
from runs.pipeline.stages.feasibility import CHECK, CORNERS
from runs.pipeline.stages.search import Searched, keep_search, search_identity
from runs.pipeline.starts import start_of
from runs.pipeline.trained_records import RoundsKeeper, network_of
from runs.profiling.devices import Devices
from runs.search.algorithms.genotype import SpaceGenotype
from runs.search.fidelities import (
    Action,
    Bought,
    FidelitySearch,
    FidelityTask,
    Observation,
    block_affinity,
    buy_training,
    step_cost,
)
from runs.search.optuna.observations import ObservationStudy
from runs.search.optuna.study import open_study, quiet_optuna, storage_errors
from search_space import Genes, SearchSpace
from search_space.errors import NasweaveError, StoreError
from supernet.training import Quality
from supernet.training.checkpoint import FILE, load_checkpoint

__all__ = ["FIDELITY_SEARCH", "ROUNDS", "TRAINED_EVALUATOR", "TRAINED_NETWORKS"]


def rounds(context: Context) -> tuple[RoundsEvaluator, RoundsEvaluator]:
    """Return what trains the networks of the search, and what trains those that it is compared with, alone."""
    start, origin = start_of(context)
    made = tuple(
        RoundsEvaluator(
            context.space,
            context.data,
            context.config.training,
            folder=context.folder / name,
            start=start,
            origin=origin,
            device=context.accelerator,
            examples=context.config.evaluation.examples,
            batch_size=context.config.evaluation.batch_size,
        )
        for name in ("networks", "baselines")
    )
    return made[0], made[1]


def trained_networks(context: Context, both: tuple[RoundsEvaluator, RoundsEvaluator]) -> TrainedNetworks:
    """Return the networks of the run as they were trained last."""
    return TrainedNetworks(both)


def trained_evaluator(context: Context, networks: TrainedNetworks) -> TrainedEvaluator:
    """Return what evaluates trained networks and their forms in other precisions."""
    store, run = context.store, context.run
    return TrainedEvaluator(
        networks, candidates=lambda: [c.architecture for c in store.candidates(run.id, state="complete")]
    )


def search(
    context: Context, known: Devices, both: tuple[RoundsEvaluator, RoundsEvaluator], seconds: Mapping[str, float]
) -> Searched:
    """Return the finished search; an interrupted one goes on with the round that it was in."""
    return keep_search(context, lambda: _searched(context, known, both[0]), seconds=seconds)


def fidelity_task(context: Context, known: Devices) -> FidelityTask:
    """Return what the search optimises: the error, or the loss, and the objectives that need no training."""
    objectives = [o for o in context.objectives if not o.evaluated]
    limits = context.budget.limits

    def costs(genes: Genes) -> NDArray[np.float64]:
        values = known.costs(genes)
        columns = [values[o.name] if o.sign > 0 else 1.0 / values[o.name] for o in objectives]
        return np.column_stack(columns) if columns else np.ones((len(genes), 1))

    def feasible(genes: Genes) -> NDArray[np.bool_]:
        values = known.costs(genes)
        within = [values[name] <= limit for name, limit in limits.items() if name in values]
        return np.all(within, axis=0) if within else np.ones(len(genes), bool)

    return FidelityTask(
        genotype=SpaceGenotype(context.space),
        known=costs,
        step_cost=step_cost(context.space, context.costs),
        rungs=context.config.search.fidelities.rungs,
        feasible=feasible if limits else None,
        reference_error=limits.get(trained_for(context.objectives)),
        affinity=block_affinity(context.space),
    )


def fidelity_identity(context: Context, known: Devices) -> dict[str, Any]:
    """Return what decides a search in fidelities beside what it is told: a begun one goes on with the same."""
    config, settings = context.config.search, context.config.search.fidelities
    own = {
        "examples": context.config.evaluation.examples,
        "objectives": list(config.objectives),
        "rungs": list(settings.rungs),
        "initial": settings.initial,
        "batch": settings.batch,
        "seed": config.seed,
    }
    return search_identity(context, known) | own


def _searched(context: Context, known: Devices, train: RoundsEvaluator) -> Searched:
    """Run or resume the search; a finished one is not opened again."""
    settings = context.config.search.fidelities
    record = SearchRecord.load(context.store, context.run.id)
    with (
        quiet_optuna(),
        storage_errors(context.config.store),
        open_study(
            url=context.config.store,
            name=context.run.folder,
            sampler=None,
            objectives=context.objectives,
            identity=fidelity_identity(context, known),
        ) as opened,
    ):
        keeper = RoundsKeeper(context, known, ObservationStudy(opened, context.space, objectives=context.objectives))
        if not keeper.history:
            _check_new(train, first=settings.rungs[0])
        told = [entry for entry in keeper.history if isinstance(entry, Observation)]
        open_ended = sum(o.cost for o in told) < settings.seconds and len(told) < (settings.max_rounds or sys.maxsize)
        if not open_ended and record is not None and record.trials == keeper.trials:
            return Searched(trials=keeper.trials, estimates=record.estimates)
        estimates = _buy(context, known, train, keeper)  # none of a finished search that was killed before it kept them
    return Searched(trials=keeper.trials, estimates=estimates)


def _check_new(train: RoundsEvaluator, *, first: int) -> None:
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


def _buy(context: Context, known: Devices, train: RoundsEvaluator, keeper: RoundsKeeper) -> dict[str, float]:
    """Buy training until the time is spent; return the error of each network as the model sees it in the end."""
    config, metric, name = context.config.search, context.data.metric, trained_for(context.objectives)
    settings, space = config.fidelities, context.space
    search = FidelitySearch(
        fidelity_task(context, known), seed=config.seed, initial=settings.initial, batch=settings.batch
    )
    search.resume(keeper.history)
    together = max(settings.initial, settings.batch)  # what is decided between two fits, and more have nothing to do
    with (
        context.reporter.progress("search") as progress,
        RoundsPool(train, processes=min(settings.processes or available_cores(), together)) as pool,
    ):

        def show(spent: float) -> None:
            best = min((o.error for o in search.observations), default=math.nan)
            text = f"{metric} {metric.text(best)}" if name == "validation_error" else f"loss {best:.4g}"
            total = round(settings.seconds)
            progress(min(round(spent), total), total, f"{len(keeper.trials)} networks, best validation {text}")

        def bought(actions: Sequence[Action]) -> list[Bought | NasweaveError]:
            wanted = [_round(space, action) for action in actions]
            return [
                quality if isinstance(quality, NasweaveError) else _bought(quality, one, objective=name, train=train)
                for one, quality in zip(wanted, pool.train(wanted), strict=True)
            ]

        buy_training(
            search,
            train=bought,
            keeper=keeper,
            seconds=settings.seconds,
            most=settings.max_rounds or sys.maxsize,
            progress=show,
        )
    if not search.observations:
        return {}
    genes, steps, _ = search.trained
    errors, _ = search.estimates()
    candidates = context.store.candidates(context.run.id, state="complete")
    trained = {c.key: c.values.get(TRAINING_STEPS) for c in candidates}
    networks = zip(space.decode(genes), steps.tolist(), errors.tolist(), strict=True)
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


ROUNDS = Stage(name="rounds", run=rounds)
TRAINED_NETWORKS = Stage(name="networks", run=trained_networks, needs=(ROUNDS,))
TRAINED_EVALUATOR = Stage(name="evaluator", run=trained_evaluator, needs=(TRAINED_NETWORKS,))
FIDELITY_SEARCH = Stage(name="search", run=search, needs=(DEVICES, ROUNDS, SECONDS), after=(CHECK, CORNERS))
