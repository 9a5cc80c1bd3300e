"""Refuse what cannot work before anything long begins, and show what the corners of the space cost.

Twice: the exact costs are checked before anything is measured, and the predicted ones before anything is trained.
"""

from __future__ import annotations

from functools import partial

from runs.evaluation.feasibility import check_budget, corner_values, overview
from runs.evaluation.quality import FIRST_METRICS
from runs.objectives import exact_costs, trained_for
from runs.pipeline.accelerator import torch_device
from runs.pipeline.ahead.begun import explained, note_begun
from runs.pipeline.context import Context
from runs.pipeline.plan import Stage
from runs.pipeline.search_record import SearchRecord
from runs.pipeline.stages.devices import DEVICES
from runs.profiling.devices import Devices
from runs.profiling.ranking import ranking_warning
from runs.store import AnotherRunError
from runs.store.named import run_named
from search_space.errors import ConfigError

__all__ = ["CHECK", "CORNERS", "check_method"]

_BRIEF = ", and its evaluation.finetune_steps, with the learning rate and distillation of finetune"


def check(context: Context) -> None:
    """Refuse a search that the run's folder, its fork or its budget contradicts.

    Raises
    ------
    AnotherRunError
        The run was started with other weights.
    ConfigError
        There is no run to fork, a setting does not apply to the way of searching, or the accelerator is not there.
    BudgetError
        No network of the space has the costs that the budget allows.
    """
    store, run, config = context.store, context.run, context.config
    torch_device(config.accelerator)
    check_method(context)
    stage, record = store.stage(run.id, SearchRecord.STAGE), SearchRecord.load(store, run.id)
    if record is not None and (record.method or "sampler") != config.search.method:
        raise AnotherRunError(
            str(context.folder),
            expected=f"search.method={record.method or 'sampler'}, which this run was begun with",
            got=config.search.method,
            remedy="choose another name= for another way of searching",
        )
    if record is not None:
        _check_metric(context, record)
    if stage is None:
        SearchRecord.of(context, trials={}, seconds={}).save(store, run.id, fingerprint=context.weights_fingerprint)
    elif stage.fingerprint != context.weights_fingerprint:
        error = AnotherRunError(
            str(context.folder),
            expected="the training configuration and data that this run was started with"
            + (_BRIEF if config.search.method == "sampler" else ""),
            got="others",
            remedy="choose another name= for another training",
        )
        raise explained(context, error)
    if config.fork is not None:
        run_named(store, config.fork, task=config.task.name, outputs=context.outputs, parameter="fork")
    check_budget(context.space, partial(exact_costs, context.costs), context.budget)
    note_begun(context, again=True)


def check_method(context: Context) -> None:
    """Raise ``ConfigError`` for a setting that does not apply to the way of searching."""
    if context.config.search.method == "fidelities":
        _check_fidelities(context)
    else:
        _check_early_stop(context)


def _check_early_stop(context: Context) -> None:
    """Refuse to judge by a part of the examples what is no mean over them."""
    if context.config.evaluation.early_stop and not context.data.measure.is_mean:
        raise ConfigError(
            "evaluation.early_stop",
            expected=f"false with {context.data.metric}, which is no mean over examples",
            got="true",
            remedy="leave it out, or choose another task.metric",
        )


def _check_metric(context: Context, record: SearchRecord) -> None:
    """Refuse to read the errors of a run as those of another metric."""
    now, before = context.data.metric, record.metric
    same = now.key in FIRST_METRICS if before is None else now == before
    if not same:
        raise AnotherRunError(
            str(context.folder),
            expected=f"the metric that this run was begun with, {before or 'that of the task itself'}",
            got=str(now),
            remedy="choose another name= for another metric",
        )


def _check_fidelities(context: Context) -> None:
    """Refuse what a search that trains every network has no use for, so that no setting is silently without effect."""
    trained_for(context.objectives)
    config, typed = context.config, dict(word.split("=", 1) for word in context.command.overrides if "=" in word)
    for key, text in typed.items():  # tasks set these, for whoever searches with a supernet
        if key in ("search.n_trials", "search.sampler") or key.startswith("search.settings"):
            raise _useless(key, text, instead="search.fidelities.time_budget or max_rounds")
    evaluation, finetune = config.evaluation, config.finetune
    for name, value, unset, instead in (
        ("evaluation.bf16", evaluation.bf16, False, "training.bf16=true, which holds for evaluation too"),
        ("evaluation.finetune_steps", evaluation.finetune_steps, 0, "search.fidelities.rungs"),
        ("evaluation.early_stop", evaluation.early_stop, False, "search.fidelities.rungs"),
        ("finetune.learning_rate", finetune.learning_rate, None, "training.learning_rate"),
        ("finetune.distillation_weight", finetune.distillation_weight, 0.5, "finetune.steps"),
        ("finetune.num_configurations", finetune.num_configurations, 0, "key= to choose the network"),
        ("fork", config.fork, None, "another name="),
    ):
        if value != unset:
            raise _useless(name, value, instead=instead)


def _useless(name: str, value: object, *, instead: str) -> ConfigError:
    return ConfigError(
        name,
        expected="a search with a supernet, such as search=nasweave",
        got=f"{value!r} in a search in fidelities, which trains every network alone",
        remedy=f"leave it out; take {instead}",
    )


def corners(context: Context, known: Devices) -> dict[str, dict[str, float]]:
    """Return what the smallest, middle and largest network cost; show it, and refuse a budget that nothing meets.

    Raises
    ------
    BudgetError
        No network of the space meets the limits.
    """
    found = corner_values(context.space, known.costs)
    context.reporter.table(overview(context.space, found, context.budget))
    unknown = ranking_warning(known.own, known.predictors["latency_ms"], context.space)
    if unknown is not None:
        context.reporter.warning(unknown)
    check_budget(context.space, known.costs, context.budget)
    return found


CHECK = Stage(name="check", run=check)
CORNERS = Stage(name="corners", run=corners, needs=(DEVICES,), after=(CHECK,))
