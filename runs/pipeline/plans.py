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
from runs.pipeline.stages.trained.baselines import TRAINED_BASELINES
from runs.pipeline.stages.trained.fidelities import FIDELITY_SEARCH, TRAINED_EVALUATOR, TRAINED_NETWORKS
from runs.pipeline.stages.trained.further import TRAIN_FURTHER

__all__ = ["plan_of"]

_TRAINED: Mapping[Stage[Any], Stage[Any]] = {
    SEARCH: FIDELITY_SEARCH,
    NETWORKS: TRAINED_NETWORKS,
    EVALUATOR: TRAINED_EVALUATOR,
    BASELINES: TRAINED_BASELINES,
    FINETUNE: TRAIN_FURTHER,
}


def plan_of(context: Context) -> Plan:
    """Return the plan of a run.

    A search in fidelities trains each network, in place of a supernet; a run that an earlier version began with a
    supernet goes on with it.
    """
    search = context.config.search
    if search.method != "fidelities":
        return Plan(context)
    record = SearchRecord.load(context.store, context.run.id)
    if record is not None and not record.method:
        context.reporter.message("this run was begun with a supernet, by an earlier version: it goes on with it")
        return Plan(replace(context, config=replace(context.config, search=replace(search, method="sampler"))))
    return Plan(context, replace=_TRAINED)
