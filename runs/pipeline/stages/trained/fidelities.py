"""Search in fidelities: buy training for the networks that promise most, and keep them as they were trained."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from runs.evaluation.pool import Round, RoundsPool, available_cores
from runs.evaluation.quality import named
from runs.evaluation.rounds import RoundsEvaluator
from runs.evaluation.trained import TrainedEvaluator, TrainedNetworks
from runs.lock import exclusive
from runs.objectives import TRAINING_STEPS
from runs.pipeline.context import Context
from runs.pipeline.plan import SECONDS, Stage
from runs.pipeline.search_record import SearchRecord
from runs.pipeline.stages.devices import DEVICES
from runs.pipeline.stages.feasibility import CHECK, CORNERS
from runs.pipeline.stages.search import Searched, search_identity
from runs.pipeline.starts import start_of
from runs.profiling.devices import Devices
from runs.search.fidelities import Action, FidelitySearch, FidelityTask, SpaceGenotype, block_affinity, step_cost
from runs.search.optuna.observations import ObservationStudy
from runs.search.optuna.study import open_study, quiet_optuna, storage_errors
from search_space import Architecture, Genes, SearchSpace
from search_space.errors import NasweaveError

__all__ = ["FIDELITY_SEARCH", "ROUNDS", "TRAINED_EVALUATOR", "TRAINED_NETWORKS", "record_trained"]


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
    begin = time.monotonic()
    with exclusive(context.lock):
        before = SearchRecord.load(context.store, context.run.id)
        assert before is not None, "the check before has begun it"
        trials = _trials(context, known, both[0])
        spent = {
            "profile": sum(seconds.get(name, 0.0) for name in ("profile", "profiles of other devices", "devices")),
            "search": time.monotonic() - begin,
        }
        record = SearchRecord.of(context, trials=trials, seconds=before.seconds)
        if before.trials.keys() == trials.keys() and before.budget is not None:
            record = replace(record, budget=before.budget)
        record.with_seconds(spent).save(context.store, context.run.id, fingerprint=context.weights_fingerprint)
    return Searched(trials=trials)


def fidelity_task(context: Context, known: Devices) -> FidelityTask:
    """Return what the search optimises: the error, and the objectives that need no training."""
    objectives = [o for o in context.objectives if not o.evaluated]
    budget = context.budget

    def costs(genes: Genes) -> NDArray[np.float64]:
        values = known.costs(genes)
        columns = [values[o.name] if o.sign > 0 else 1.0 / values[o.name] for o in objectives]
        return np.column_stack(columns) if columns else np.ones((len(genes), 1))

    def feasible(genes: Genes) -> NDArray[np.bool_]:
        values = known.costs(genes)
        within = [values[name] <= limit for name, limit in budget.limits.items() if name in values]
        return np.all(within, axis=0) if within else np.ones(len(genes), bool)

    return FidelityTask(
        genotype=SpaceGenotype(context.space),
        known=costs,
        step_cost=step_cost(context.space, context.costs),
        rungs=context.config.search.fidelities.rungs,
        feasible=feasible if budget.limits else None,
        affinity=block_affinity(context.space),
    )


def _trials(context: Context, known: Devices, train: RoundsEvaluator) -> dict[str, int]:
    """Run or resume the search; return the last trial of every network by key."""
    config, space = context.config.search, context.space
    settings = config.fidelities
    search = FidelitySearch(
        fidelity_task(context, known), seed=config.seed, initial=settings.initial, batch=settings.batch
    )
    with (
        quiet_optuna(),
        storage_errors(context.config.store),
        open_study(
            url=context.config.store,
            name=context.run.folder,
            sampler=None,
            objectives=context.objectives,
            identity=search_identity(context, known),
        ) as opened,
        context.reporter.progress("search") as progress,
    ):
        study = ObservationStudy(opened, space, objectives=context.objectives)
        earlier = study.observations()
        search.resume(earlier)
        trials = {space.decode(np.array([o.action.genes], np.int16))[0].key: i for i, o in enumerate(earlier)}
        spent, limit = sum(o.cost for o in earlier), settings.seconds
        most = settings.max_rounds or sys.maxsize
        with RoundsPool(train, processes=settings.processes or available_cores()) as pool:
            while spent < limit and len(search.observations) < most:
                begin = time.monotonic()
                actions = search.ask_batch()[: most - len(search.observations)]
                if not actions:
                    break
                wanted = [_round(space, action) for action in actions]
                qualities = pool.train(wanted)
                seconds = (time.monotonic() - begin) / len(actions)
                for action, one, quality in zip(actions, wanted, qualities, strict=True):
                    if isinstance(quality, NasweaveError):
                        context.reporter.warning(f"the training of {one.architecture.key} failed: {quality}")
                        search.give_up(action)
                        continue
                    values = record_trained(
                        context,
                        known,
                        one.architecture,
                        named(quality),
                        steps=one.steps,
                        trial_number=study.next_number,
                    )
                    told = search.tell(action, error=quality.error, noise=quality.error_se, cost=seconds)
                    trials[one.architecture.key] = study.add(told, values=values)
                spent += time.monotonic() - begin
                best = min(o.error for o in search.observations) if search.observations else float("nan")
                text = f"{len(trials)} networks, best validation {context.data.metric} {context.data.metric.text(best)}"
                progress(min(round(spent), round(limit)), round(limit), text)
    return trials


def _round(space: SearchSpace, action: Action) -> Round:
    return Round(
        architecture=space.decode(np.array([action.genes], np.int16))[0],
        steps=action.done + action.steps,
        donor=None if action.donor is None else space.decode(np.array([action.donor], np.int16))[0],
    )


def record_trained(
    context: Context,
    known: Devices,
    architecture: Architecture,
    quality: Mapping[str, float],
    *,
    steps: int,
    source: str = "search",
    trial_number: int | None = None,
) -> dict[str, float]:
    """Keep a network with its latest quality as a candidate of the run; returns all its values by name."""
    genes = context.space.encode([architecture])
    costs = {name: float(column[0]) for name, column in known.costs(genes).items()}
    values = {**costs, **quality, TRAINING_STEPS: float(steps)}
    context.store.put_candidate(
        context.run.id,
        architecture.key,
        architecture_json=architecture.to_json(),
        values=values,
        predicted=known.predicted(architecture),
        source=source,
        trial_number=trial_number,
    )
    return values


ROUNDS = Stage(name="rounds", run=rounds)
TRAINED_NETWORKS = Stage(name="networks", run=trained_networks, needs=(ROUNDS,))
TRAINED_EVALUATOR = Stage(name="evaluator", run=trained_evaluator, needs=(TRAINED_NETWORKS,))
FIDELITY_SEARCH = Stage(name="search", run=search, needs=(DEVICES, ROUNDS, SECONDS), after=(CHECK, CORNERS))
