"""Take part in a run's search in fidelities, as one of many processes."""

from __future__ import annotations

from contextlib import ExitStack

from runs.evaluation.rounds import Trainers
from runs.pipeline.context import Context
from runs.pipeline.plan import Stage
from runs.pipeline.stages.data.references import REFERENCES
from runs.pipeline.stages.devices import DEVICES
from runs.pipeline.stages.feasibility import CHECK
from runs.pipeline.stages.trained.fidelities import ROUNDS, opened_study
from runs.pipeline.stages.trained.together import buy_together
from runs.pipeline.stages.work import JOIN
from runs.profiling.devices import Devices
from runs.reports import SimpleModel
from runs.search import WorkerGroup
from runs.search.workers.patience import Patience

__all__ = ["TRAINED_WORK"]


def work(
    context: Context, mine: WorkerGroup, trainers: Trainers, known: Devices, simple_models: tuple[SimpleModel, ...]
) -> None:
    """Train networks of the run's search beside other workers, until it is over for all.

    Raises
    ------
    StoreError
        Another worker has another code, configuration or profile.
    """
    with ExitStack() as stack:
        patiently = Patience(mine.config.patience_s)
        study = patiently(lambda: stack.enter_context(opened_study(context, known)))
        buy_together(context, known, trainers, study=study, group=mine, simple_models=simple_models)
        rounds = len(study.history())
    context.reporter.message(f"worker {mine.claims.worker}: the search has {rounds} rounds of training")


TRAINED_WORK = Stage(name="work", run=work, needs=(JOIN, ROUNDS, DEVICES, REFERENCES), after=(JOIN, CHECK))
