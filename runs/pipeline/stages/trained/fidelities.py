"""Search in fidelities: buy training for the networks that promise most, and keep them as they were trained."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from runs.evaluation.rounds import RoundsEvaluator, Trainers
from runs.evaluation.teacher import Teacher
from runs.evaluation.trained import TrainedEvaluator, TrainedNetworks
from runs.pipeline.context import Context
from runs.pipeline.plan import SECONDS, Stage
from runs.pipeline.search_record import SearchRecord
from runs.pipeline.stages.data.references import REFERENCES
from runs.pipeline.stages.data.understood import DATA
from runs.pipeline.stages.devices import DEVICES
from runs.pipeline.stages.feasibility import CHECK, CORNERS
from runs.pipeline.stages.search import Searched, keep_search
from runs.pipeline.stages.trained.checkpoint import search_seconds
from runs.pipeline.stages.trained.purchases import (
    check_new,
    fidelity_identity,
    final_estimates,
    new_search,
    trainer,
    watched,
)
from runs.pipeline.stages.trained.teacher import TEACHER
from runs.pipeline.stages.trained.together import buy_together
from runs.pipeline.starts import start_of
from runs.pipeline.trained_records import RoundsKeeper, last_trials
from runs.pipeline.workers import worker_group
from runs.profiling.devices import Devices
from runs.reports import SimpleModel
from runs.search.fidelities import Observation, buy_training
from runs.search.optuna.observations import ObservationStudy
from runs.search.optuna.study import open_study, quiet_optuna, storage_errors

__all__ = ["FIDELITY_SEARCH", "ROUNDS", "TRAINED_EVALUATOR", "TRAINED_NETWORKS", "opened_study"]


def rounds(context: Context, teacher: Teacher | None) -> Trainers:
    """Return what trains the networks of the search, and what trains those that it is compared with, alone."""
    start, origin = start_of(context, teacher)
    made = tuple(
        RoundsEvaluator(
            context.space,
            context.data,
            context.rounds_training,
            folder=context.folder / name,
            start=start,
            origin=origin,
            device=context.accelerator,
            examples=context.config.evaluation.examples,
            batch_size=context.config.evaluation.batch_size,
            optimizer=context.config.search.fidelities.optimizer,
            donor_share=context.config.search.fidelities.donor_share,
            teaching=None if teacher is None else teacher.teaching,
        )
        for name in ("networks", "baselines")
    )
    return Trainers(*made)


def trained_networks(context: Context, trainers: Trainers) -> TrainedNetworks:
    """Return the networks of the run as they were trained last."""
    return TrainedNetworks(trainers)


def trained_evaluator(context: Context, networks: TrainedNetworks) -> TrainedEvaluator:
    """Return what evaluates trained networks and their forms in other precisions."""
    store, run = context.store, context.run
    return TrainedEvaluator(
        networks, candidates=lambda: [c.architecture for c in store.candidates(run.id, state="complete")]
    )


def search(
    context: Context,
    known: Devices,
    trainers: Trainers,
    simple_models: tuple[SimpleModel, ...],
    seconds: Mapping[str, float],
) -> Searched:
    """Return the finished search; an interrupted one goes on with the round that it was in."""
    return keep_search(context, lambda: _searched(context, known, trainers, simple_models), seconds=seconds)


@contextmanager
def opened_study(context: Context, known: Devices) -> Iterator[ObservationStudy]:
    """Give the study of the run's rounds.

    Raises
    ------
    StoreError
        It is of another search.
    """
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
        yield ObservationStudy(opened, context.space, objectives=context.objectives)


def _searched(context: Context, known: Devices, trainers: Trainers, simple_models: Sequence[SimpleModel]) -> Searched:
    """Run or resume the search, where workers can come beside them; a finished one is not opened again."""
    settings = context.config.search.fidelities
    record = SearchRecord.load(context.store, context.run.id)
    with opened_study(context, known) as study:
        history = study.history()
        told = [entry for entry in history if isinstance(entry, Observation)]
        spent, most = sum(o.cost for o in told), settings.max_rounds or sys.maxsize
        open_ended = spent < search_seconds(context) and len(told) < most
        finished = record is not None and record.trials == last_trials(context.space, history)
        if record is not None and finished and not (open_ended and (context.command.searches or not record.trials)):
            return Searched(trials=record.trials, estimates=record.estimates)
        # There are no estimates of a finished search that was killed before it kept them, or that workers finished.
        group = worker_group(context)
        if group is None:
            estimates = _buy(context, known, trainers, study, simple_models)
        else:
            estimates = buy_together(context, known, trainers, study=study, group=group, simple_models=simple_models)
        return Searched(trials=last_trials(context.space, study.history()), estimates=estimates)


def _buy(
    context: Context,
    known: Devices,
    trainers: Trainers,
    study: ObservationStudy,
    simple_models: Sequence[SimpleModel],
) -> dict[str, float]:
    """Buy training until the time is spent; return the error of each network as the model sees it in the end."""
    settings, search = context.config.search.fidelities, new_search(context, known, simple_models)
    keeper = RoundsKeeper(context, known, study)
    if not keeper.history:
        check_new(trainers.searched, first=settings.rungs[0])
    search.resume(keeper.history)
    with trainer(context, trainers) as bought, watched(context, search) as show:
        buy_training(
            search,
            train=bought,
            keeper=keeper,
            seconds=search_seconds(context),
            most=settings.max_rounds or sys.maxsize,
            progress=show,
        )
    return final_estimates(context, search)


ROUNDS = Stage(name="rounds", run=rounds, needs=(TEACHER,), after=(DATA,))
TRAINED_NETWORKS = Stage(name="networks", run=trained_networks, needs=(ROUNDS,))
TRAINED_EVALUATOR = Stage(name="evaluator", run=trained_evaluator, needs=(TRAINED_NETWORKS,))
FIDELITY_SEARCH = Stage(name="search", run=search, needs=(DEVICES, ROUNDS, REFERENCES, SECONDS), after=(CHECK, CORNERS))
