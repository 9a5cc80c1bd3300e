"""Take part in a run's search, whose profile and supernet are there already."""

from __future__ import annotations

from runs.evaluation.evaluator import QualityEvaluator
from runs.pipeline.context import Context
from runs.pipeline.plan import Stage
from runs.pipeline.stages.devices import DEVICES
from runs.pipeline.stages.evaluator import EVALUATOR
from runs.pipeline.stages.search import search_networks
from runs.pipeline.workers import worker_group
from runs.profiling.devices import Devices
from runs.search import WorkerGroup
from search_space.errors import ConfigError, ProfileError

__all__ = ["JOIN", "WORK"]


def join(context: Context) -> WorkerGroup:
    """Return this process's place among the workers, before anything long begins.

    Raises
    ------
    ConfigError
        The database cannot serve several processes.
    ProfileError
        The run has no profile yet.
    """
    config = context.config
    mine = worker_group(context)
    if mine is None:
        raise ConfigError(
            "store",
            expected="a database that several workers can share",
            got=f"SQLite ({config.store})",
            remedy="use store=postgresql://user:password@host/database, or on one machine "
            f"store={config.store.replace('sqlite:', 'sqlite+journal:', 1)}, in the search as well",
        )
    own = context.folder / "profile.json"
    if not own.exists() and config.profile.path is None:
        raise ProfileError(
            str(own),
            expected="the profile of the run that this worker takes part in",
            got="none",
            remedy="first run nasweave train or search with the same overrides, in the same or a shared folder",
        )
    return mine


def work(context: Context, mine: WorkerGroup, evaluator: QualityEvaluator, known: Devices) -> None:
    """Evaluate networks of the run's search beside other workers, until it has as many as were asked for.

    Under ``torchrun`` each process is a worker, on its own device. A plan of a worker has ``LOAD_TRAINED`` in place of
    ``TRAIN``.

    Raises
    ------
    StoreError
        Another worker has another code, profile or checkpoint.
    """
    result = search_networks(context, known, evaluator, group=mine)
    context.reporter.message(f"worker {mine.claims.worker}: the search has {len(result.evaluated)} networks")


JOIN = Stage(name="join", run=join)
WORK = Stage(name="work", run=work, needs=(JOIN, EVALUATOR, DEVICES))
