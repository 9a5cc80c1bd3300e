"""Refuse what cannot work before anything long begins, and show what the corners of the space cost.

Twice: the exact costs are checked before anything is measured, and the predicted ones before anything is trained.
"""

from __future__ import annotations

from functools import partial

from runs.evaluation.feasibility import check_budget, corner_values, overview
from runs.pipeline.context import Context
from runs.pipeline.plan import Stage
from runs.pipeline.search_record import SearchRecord
from runs.pipeline.stages.devices import DEVICES
from runs.profiling.devices import Devices, exact_costs
from runs.store.named import run_named
from search_space.errors import StoreError

__all__ = ["CHECK", "CORNERS"]


def check(context: Context) -> None:
    """Refuse a search that the run's folder, its fork or its budget contradicts.

    Raises
    ------
    StoreError
        The run was started with other weights.
    ConfigError
        There is no run to fork.
    BudgetError
        No network of the space has the costs that the budget allows.
    """
    store, run, config = context.store, context.run, context.config
    stage = store.stage(run.id, SearchRecord.STAGE)
    if stage is None:
        SearchRecord.of(context, trials={}, seconds={}).save(store, run.id, fingerprint=context.weights_fingerprint)
    elif stage.fingerprint != context.weights_fingerprint:
        raise StoreError(
            str(context.folder),
            expected="the training configuration and data that this run was started with, and its "
            "evaluation.finetune_steps, with the learning rate and distillation of finetune",
            got="others",
            remedy="choose another name= for another training",
        )
    if config.fork is not None:
        run_named(store, config.fork, task=config.task.name, outputs=context.outputs, parameter="fork")
    check_budget(context.space, partial(exact_costs, context.costs), context.budget)


def corners(context: Context, known: Devices) -> dict[str, dict[str, float]]:
    """Return what the smallest, middle and largest network cost; show it, and refuse a budget that nothing meets.

    Raises
    ------
    BudgetError
        No network of the space meets the limits.
    """
    found = corner_values(context.space, known.costs)
    context.reporter.table(overview(context.space, found, context.budget))
    check_budget(context.space, known.costs, context.budget)
    return found


CHECK = Stage(name="check", run=check)
CORNERS = Stage(name="corners", run=corners, needs=(DEVICES,), after=(CHECK,))
