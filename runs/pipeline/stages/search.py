"""Search the space through the trained supernet and the fitted predictors, then evaluate the baselines."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hardware_profiles import Profile
from runs.evaluation.evaluator import QualityEvaluator
from runs.evaluation.network import brief_training, weights_fingerprint
from runs.lock import exclusive
from runs.objectives import MEASURED, Objective, on_device
from runs.pipeline.stages.baselines import random_networks, uniform_networks
from runs.pipeline.stages.compare import run_named
from runs.pipeline.stages.devices import Devices, devices
from runs.pipeline.stages.feasibility import check_budget, overview
from runs.pipeline.stages.fork import forked_networks
from runs.pipeline.stages.once import once
from runs.pipeline.stages.train import checkpoint_hash, supernet_fingerprint, train
from runs.pipeline.worker_group import worker_group
from runs.pipeline.workspace import Workspace
from runs.progress import show_progress
from runs.search import CostFunction, StoreRecorder, run_search
from runs.store import Candidate
from search_space import Architecture, Genes
from search_space.errors import StoreError
from supernet import Supernet

__all__ = ["Searched", "costs", "found_candidates", "identity", "search"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Searched:
    """A finished search; its candidates are in the store.

    ``trials`` maps the key of each network that the search evaluated to its trial; ``random`` and ``uniform`` are the
    keys of the baselines' networks, ``seconds`` the time of each stage in all calls.
    """

    supernet: Supernet
    profile: Profile
    cost_function: CostFunction
    objectives: tuple[Objective, ...]
    trials: Mapping[str, int]
    random: tuple[str, ...]
    uniform: tuple[str, ...]
    seconds: Mapping[str, float]


@once
def search(workspace: Workspace) -> Searched:
    """Return the finished search; an interrupted one continues, a finished one is not repeated."""
    objectives = workspace.objectives
    space, run = workspace.space, workspace.run
    seconds = _refuse_changes(workspace)
    if workspace.config.fork is not None:
        run_named(workspace, workspace.config.fork, parameter="fork")
    check_budget(space, workspace.exact_values, workspace.budget)

    with _timed(seconds, "profile"):
        known = devices(workspace)

    cost_function = costs(workspace, known)
    workspace.console.print(overview(space, cost_function, workspace.budget))
    check_budget(space, cost_function, workspace.budget)

    with _timed(seconds, "train"):
        supernet = train(workspace)

    evaluator = QualityEvaluator(workspace, objectives=objectives, cost_function=cost_function)

    def recorder(source: str) -> StoreRecorder:
        return StoreRecorder(workspace.store, run_id=run.id, predicted=known.predicted, source=source)

    with exclusive(workspace.folder / ".lock"):
        with _timed(seconds, "search"):
            trials = _trials(
                workspace, known, cost_function=cost_function, evaluator=evaluator, recorder=recorder("search")
            )
        random, uniform = random_networks(workspace), uniform_networks(workspace, cost_function)
        corners = {"smallest": [space.smallest], "largest": [space.largest]}
        with _timed(seconds, "baselines"), show_progress(workspace.console, "evaluate baselines") as progress:
            for source, architectures in {**corners, "uniform": uniform, "random": random}.items():
                record = recorder(source)
                recorded = record.known()
                for i, architecture in enumerate(architectures):
                    if architecture.key not in recorded:
                        row = space.encode([architecture])
                        values = {name: float(column[0]) for name, column in cost_function(row).items()}
                        values |= evaluator(architecture, whole=True)
                        record.add(architecture.key, architecture=architecture, values=values, trial_number=None)
                    progress(i + 1, len(architectures), source)
        _keep_state(workspace, seconds=seconds, trials=trials)
    return Searched(
        supernet=supernet,
        profile=known.profiles[None],
        cost_function=cost_function,
        objectives=objectives,
        trials=trials,
        random=tuple(a.key for a in random),
        uniform=tuple(a.key for a in uniform),
        seconds=seconds,
    )


def costs(workspace: Workspace, known: Devices) -> CostFunction:
    """Return what gives every value that needs no evaluation, for whole populations."""

    def cost_function(genes: Genes) -> dict[str, NDArray[np.float64]]:
        return {**known.costs(genes), **workspace.exact_values(genes)}

    return cost_function


def found_candidates(workspace: Workspace, searched: Searched) -> list[Candidate]:
    """Return the evaluated networks of the run, each with every value that needs no evaluation.

    A run that was searched before a device was named has not recorded its latencies: they are predicted now.
    """
    candidates = workspace.store.candidates(workspace.run.id, state="complete")
    if not candidates:
        return []
    genes = workspace.space.encode([Architecture.from_json(c.architecture_json) for c in candidates])
    columns = searched.cost_function(genes)
    return [
        replace(c, values={**{name: float(column[i]) for name, column in columns.items()}, **c.values})
        for i, c in enumerate(candidates)
    ]


def _trials(
    workspace: Workspace,
    known: Devices,
    *,
    cost_function: CostFunction,
    evaluator: QualityEvaluator,
    recorder: StoreRecorder,
) -> dict[str, int]:
    """Run or resume the search; return the trial of every evaluated network by key.

    A search that has its trials is not opened again, so a finished run can be reported and exported under any budget.
    """
    config = workspace.config.search
    stage = workspace.store.stage(workspace.run.id, "search")
    if stage is not None and stage.detail["objectives"] == list(config.objectives):
        trials: dict[str, int] = stage.detail["trials"]
        if len(trials) >= config.n_trials:
            return trials
    with show_progress(workspace.console, "search") as progress:
        result = run_search(
            workspace.space,
            config=replace(config, budget=workspace.budget),
            cost_function=cost_function,
            deviation=known.deviations,
            study_name=workspace.run.folder,
            objectives=workspace.objectives,
            evaluate=evaluator,
            recorder=recorder,
            storage_url=workspace.config.store,
            identity=identity(workspace, known),
            worker_group=worker_group(workspace),
            start=forked_networks(workspace),
            progress=progress,
        )
    return {network.key: network.trial_number for network in result.evaluated}


def identity(workspace: Workspace, known: Devices) -> dict[str, str]:
    """Return the hashes of what the values depend on; only what the search uses of the further devices."""
    names = {*workspace.config.search.objectives, *workspace.budget.limits}
    used = {
        device: print_
        for device, print_ in known.fingerprints.items()
        if any(on_device(name, device) in names for name in MEASURED)
    }
    config, brief = workspace.config.evaluation, brief_training(workspace)
    after = "" if brief is None else f" after {brief.steps} steps of finetuning {brief.hash}"
    own = {
        "supernet": supernet_fingerprint(workspace),
        "checkpoint": checkpoint_hash(workspace),
        "evaluation": f"{'bf16' if config.bf16 else 'fp32'} on {config.examples or 'all'} examples{after}",
        "profile": known.fingerprint,
    }
    return own | {f"profile {name}": value for name, value in used.items()}


def _refuse_changes(workspace: Workspace) -> dict[str, float]:
    """Refuse networks of other weights in the same run before anything long begins; return the seconds spent so far."""
    stage = workspace.store.stage(workspace.run.id, "search")
    if stage is None:
        _keep_state(workspace, seconds={}, trials={})
        return {}
    if stage.fingerprint != weights_fingerprint(workspace):
        raise StoreError(
            str(workspace.folder),
            expected="the training configuration and data that this run was started with, and its "
            "evaluation.finetune_steps, with the learning rate and distillation of finetune",
            got="others",
            remedy="choose another name= for another training",
        )
    seconds: dict[str, float] = stage.detail["seconds"]
    return seconds


def _keep_state(workspace: Workspace, *, seconds: Mapping[str, float], trials: Mapping[str, int]) -> None:
    config, before = workspace.config.search, workspace.store.stage(workspace.run.id, "search")
    # A finished search can be reported under any budget; what it was searched under is kept.
    same = before is not None and before.detail["trials"].keys() == trials.keys()
    budget = before.detail.get("budget") if before is not None and same else None
    detail = {
        "seconds": seconds,
        "trials": trials,
        "objectives": list(config.objectives),
        "sampler": config.sampler,
        "seed": config.seed,
        "budget": workspace.budget.limits if budget is None else budget,
    }
    fingerprint = weights_fingerprint(workspace)
    workspace.store.finish_stage(workspace.run.id, "search", fingerprint=fingerprint, detail=detail)


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    begin = time.monotonic()
    yield
    seconds[name] = seconds.get(name, 0.0) + time.monotonic() - begin
