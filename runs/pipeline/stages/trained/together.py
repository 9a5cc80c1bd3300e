"""Take part in a search in fidelities that several processes share; they have folder and database in common."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from runs.evaluation.rounds import RoundsEvaluator, Trainers
from runs.pipeline.context import Context
from runs.pipeline.stages.trained.checkpoint import search_seconds
from runs.pipeline.stages.trained.purchases import (
    check_new,
    fidelity_identity,
    final_estimates,
    new_search,
    processes_of,
    trainer,
    watched,
)
from runs.pipeline.trained_records import SharedKeeper, network_of
from runs.profiling.devices import Devices
from runs.reports import SimpleModel
from runs.search import WorkerGroup
from runs.search.fidelities import Action, Bought
from runs.search.optuna.observations import ObservationStudy
from runs.search.workers.group import at_work
from runs.search.workers.member import Member
from runs.search.workers.rounds_loop import SharedPurchases
from search_space.errors import CheckpointError, NasweaveError

__all__ = ["buy_together"]

_LOOK_S = 1.0


def buy_together(
    context: Context,
    known: Devices,
    trainers: Trainers,
    *,
    study: ObservationStudy,
    group: WorkerGroup,
    simple_models: Sequence[SimpleModel],
) -> dict[str, float]:
    """Buy training beside other workers until it is over for all; return what the model takes for each error then.

    Raises
    ------
    StoreError
        Another worker has another code, configuration or profile.
    CheckpointError
        What another worker trained is not in the run's folder here.
    """
    settings, search = context.config.search.fidelities, new_search(context, known, simple_models)
    train = trainers.searched
    identity = {**fidelity_identity(context, known), "budget": dict(sorted(context.budget.limits.items()))}
    with (
        at_work(group, identity),
        trainer(context, trainers) as bought,
        watched(context, search) as show,
    ):
        if group.claims.counts().taken == 0 and not study.history():
            check_new(train, first=settings.rungs[0])

        def bought_here(actions: Sequence[Action]) -> list[Bought | NasweaveError]:
            for action in actions:
                _await_weights(context, train, action, patience_s=group.config.grace_s)
            return bought(actions)

        SharedPurchases(
            search,
            member=Member(group, storage_url=context.config.store),
            rounds=SharedKeeper(context, known, study),
            train=bought_here,
            seconds=search_seconds(context),
            most=settings.max_rounds or sys.maxsize,
            together=processes_of(context),
            progress=show,
        ).run()
    return final_estimates(context, search)


def _await_weights(context: Context, train: RoundsEvaluator, action: Action, *, patience_s: float) -> None:
    """Wait until the shared folder shows what a network and its donor were trained to on another machine."""
    end = time.monotonic() + patience_s
    needed = [(action.genes, action.done)] + ([] if action.donor is None else [(action.donor, 1)])
    for genes, steps in needed:
        architecture = network_of(context.space, genes)
        while steps and (there := train.steps(architecture)) < steps:
            if time.monotonic() > end:
                raise CheckpointError(
                    str(train.path(architecture)),
                    expected=f"a network that has {steps} steps or more behind it, as another worker trained it",
                    got=f"{there} steps",
                    remedy="let all workers share the folder of outputs",
                )
            time.sleep(min(_LOOK_S, patience_s))
