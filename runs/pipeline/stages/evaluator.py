"""What gives the networks of a run, and their quality."""

from __future__ import annotations

from runs.evaluation.evaluator import QualityEvaluator
from runs.evaluation.network import Networks
from runs.evaluation.pruning import Archive
from runs.evaluation.quality import checkpoint_hash, quality_context
from runs.pipeline.context import Context
from runs.pipeline.plan import Stage
from runs.pipeline.stages.devices import DEVICES
from runs.pipeline.stages.train import TRAIN
from runs.profiling.devices import Devices
from runs.store import Evaluations
from supernet import Supernet

__all__ = ["EVALUATOR", "NETWORKS"]


def networks(context: Context, supernet: Supernet) -> Networks:
    """Return the networks of the run, by architecture."""
    return Networks(
        supernet,
        fingerprint=context.supernet_fingerprint,
        data=context.data,
        brief=context.brief,
        folder=context.folder,
    )


def evaluator(context: Context, found: Networks, known: Devices) -> QualityEvaluator:
    """Return what looks the quality of a network up, or evaluates it."""
    config, store = context.config.evaluation, context.store
    archive = Archive(context.objectives, context.budget) if config.early_stop else None
    if archive is not None:
        for candidate in store.candidates(context.run.id, state="complete"):
            archive.add(candidate.values)
    depends_on = quality_context(
        checkpoint=checkpoint_hash(context.supernet_folder), data=context.data, config=config, brief=context.brief
    )
    return QualityEvaluator(
        found,
        known=Evaluations(store, context=depends_on),
        config=config,
        cost_function=known.costs,
        archive=archive,
    )


NETWORKS = Stage(name="networks", run=networks, needs=(TRAIN,))
EVALUATOR = Stage(name="evaluator", run=evaluator, needs=(NETWORKS, DEVICES))
