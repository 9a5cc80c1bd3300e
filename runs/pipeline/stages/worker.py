"""Take part in a run's search, whose profile and supernet are there already."""

from __future__ import annotations

from dataclasses import replace

from runs.evaluation.evaluator import QualityEvaluator
from runs.lock import exclusive
from runs.pipeline.stages.devices import devices
from runs.pipeline.stages.search import costs, identity
from runs.pipeline.stages.train import supernet_folder
from runs.pipeline.worker_group import worker_group
from runs.pipeline.workspace import Workspace
from runs.progress import show_progress
from runs.search import StoreRecorder, run_search
from search_space.errors import ConfigError, ProfileError
from supernet.training import load_trained

__all__ = ["work"]


def work(workspace: Workspace) -> None:
    """Evaluate networks of the run's search beside other workers, until it has as many as were asked for.

    Under ``torchrun`` each process is a worker, on its own device.

    Raises
    ------
    ConfigError
        The database cannot serve several processes.
    ProfileError, CheckpointError
        The run has no profile, or no finished supernet, yet.
    StoreError
        Another worker has another code, profile or checkpoint.
    """
    config, space = workspace.config, workspace.space
    mine = worker_group(workspace)
    if mine is None:
        raise ConfigError(
            "store",
            expected="a database that several workers can share",
            got=f"SQLite ({config.store})",
            remedy="use store=postgresql://user:password@host/database, or on one machine "
            f"store={config.store.replace('sqlite:', 'sqlite+journal:', 1)}, in the search as well",
        )
    own = workspace.folder / "profile.json"
    if not own.exists() and config.profile.path is None:
        raise ProfileError(
            str(own),
            expected="the profile of the run that this worker takes part in",
            got="none",
            remedy="first run nasweave train or search with the same overrides, in the same or a shared folder",
        )
    folder = supernet_folder(workspace)
    with exclusive(folder / ".lock"):  # a training that is under way is waited for, and none is begun
        workspace.results["train"] = load_trained(space, folder).to(workspace.accelerator)
    known = devices(workspace)
    cost_function = costs(workspace, known)
    with show_progress(workspace.console, "search") as progress:
        result = run_search(
            space,
            config=replace(config.search, budget=workspace.budget),
            cost_function=cost_function,
            deviation=known.deviations,
            study_name=workspace.run.folder,
            objectives=workspace.objectives,
            evaluate=QualityEvaluator(workspace, objectives=workspace.objectives, cost_function=cost_function),
            recorder=StoreRecorder(workspace.store, run_id=workspace.run.id, predicted=known.predicted),
            storage_url=config.store,
            identity=identity(workspace, known),
            worker_group=mine,
            progress=progress,
        )
    workspace.console.print(
        f"worker {mine.claims.worker}: the search has {len(result.evaluated)} networks", highlight=False, markup=False
    )
