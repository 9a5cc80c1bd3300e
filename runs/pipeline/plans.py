"""The plan of a run: its stages, as the way of searching that it was begun with wants them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from runs.pipeline.context import Context
from runs.pipeline.plan import Plan, Stage
from runs.pipeline.search_record import SearchRecord
from runs.pipeline.stages.baselines import BASELINES
from runs.pipeline.stages.evaluator import EVALUATOR, NETWORKS
from runs.pipeline.stages.finetune import FINETUNE
from runs.pipeline.stages.search import SEARCH
from runs.pipeline.stages.train import LOAD_TRAINED, TRAIN
from runs.pipeline.stages.trained.baselines import TRAINED_BASELINES
from runs.pipeline.stages.trained.fidelities import FIDELITY_SEARCH, TRAINED_EVALUATOR, TRAINED_NETWORKS
from runs.pipeline.stages.trained.further import TRAIN_FURTHER
from runs.pipeline.stages.trained.work import TRAINED_WORK
from runs.pipeline.stages.work import WORK

__all__ = ["plan_of"]

_TRAINED: Mapping[Stage[Any], Stage[Any]] = {
    SEARCH: FIDELITY_SEARCH,
    NETWORKS: TRAINED_NETWORKS,
    EVALUATOR: TRAINED_EVALUATOR,
    BASELINES: TRAINED_BASELINES,
    FINETUNE: TRAIN_FURTHER,
    WORK: TRAINED_WORK,
}


def plan_of(context: Context, *, worker: bool = False) -> Plan:
    """Return the plan of a run, or of a worker of it, which trains no supernet.

    A search in fidelities trains each network, in place of a supernet; a run that an earlier version began with a
    supernet goes on with it.
    """
    search, loaded = context.config.search, {TRAIN: LOAD_TRAINED} if worker else {}
    if search.method != "fidelities":
        return Plan(context, replace=loaded)
    record = SearchRecord.load(context.store, context.run.id)
    if record is not None and not record.method:
        context.reporter.message("this run was begun with a supernet, by an earlier version: it goes on with it")
        supernets = replace(context, config=replace(context.config, search=replace(search, method="sampler")))
        return Plan(supernets, replace=loaded)
    return Plan(context, replace=_TRAINED)
