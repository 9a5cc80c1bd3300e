"""Search the space through the trained supernet and the fitted predictors, then evaluate the baselines."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hardware_profiles import Profile
from predictors import LatencyPredictor
from runs.lock import exclusive
from runs.objectives import Objective, objectives_by_name
from runs.progress import show_progress
from runs.search import Cheap, StoreRecorder, run_search
from runs.stages.baselines import random_networks, uniform_networks
from runs.stages.feasibility import check_budget, overview
from runs.stages.once import once
from runs.stages.profile import profile
from runs.stages.train import supernet_fingerprint, train
from runs.workspace import Workspace
from search_space import Architecture, Genes
from search_space.errors import StoreError
from supernet import Supernet
from supernet.training import evaluate

__all__ = ["Searched", "search"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Searched:
    """A finished search; its candidates are in the store.

    ``trials`` maps the key of each network that the search evaluated to its trial; ``random`` and ``uniform`` are the
    keys of the baselines' networks, ``seconds`` the time of each stage in all calls.
    """

    supernet: Supernet
    profile: Profile
    cheap: Cheap
    objectives: tuple[Objective, ...]
    trials: Mapping[str, int]
    random: tuple[str, ...]
    uniform: tuple[str, ...]
    seconds: Mapping[str, float]


@once
def search(workspace: Workspace) -> Searched:
    """Return the finished search; an interrupted one continues, a finished one is not repeated."""
    objectives = objectives_by_name(workspace.config.search.objectives)
    space, run = workspace.space, workspace.run
    seconds = _refuse_changes(workspace)
    check_budget(space, workspace.exact_values, workspace.budget)

    with _timed(seconds, "profile"):
        measured = profile(workspace)
        predictor = LatencyPredictor(space).fit(measured)

    def cheap(genes: Genes) -> dict[str, NDArray[np.float64]]:
        return {"latency_ms": predictor.predict(genes), **workspace.exact_values(genes)}

    workspace.console.print(overview(space, cheap, workspace.budget))
    check_budget(space, cheap, workspace.budget)

    with _timed(seconds, "train"):
        supernet = train(workspace)

    def error(architecture: Architecture) -> float:
        return evaluate(supernet, data=workspace.data, split=workspace.data.validation, architecture=architecture)

    def recorder(source: str) -> StoreRecorder:
        return StoreRecorder(workspace.store, run_id=run.id, predicted=predicted, source=source)

    def predicted(architecture: Architecture) -> dict[str, float]:
        genes = space.encode([architecture])
        low, high = predictor.predict_interval(genes)[0].tolist()
        return {"latency_ms": float(predictor.predict(genes)[0]), "latency_low_ms": low, "latency_high_ms": high}

    with exclusive(workspace.folder / ".lock"):
        with _timed(seconds, "search"):
            trials = _trials(workspace, measured, cheap=cheap, error=error, recorder=recorder("search"))
        random, uniform = random_networks(workspace), uniform_networks(workspace, cheap)
        corners = {"smallest": [space.smallest], "largest": [space.largest]}
        with _timed(seconds, "baselines"), show_progress(workspace.console, "evaluate baselines") as progress:
            for source, architectures in {**corners, "uniform": uniform, "random": random}.items():
                record = recorder(source)
                known = record.known()
                for i, architecture in enumerate(architectures):
                    if architecture.key not in known:
                        row = space.encode([architecture])
                        values = {name: float(column[0]) for name, column in cheap(row).items()}
                        values["validation_error"] = error(architecture)
                        record.add(architecture.key, architecture=architecture, values=values, trial_number=None)
                    progress(i + 1, len(architectures), source)
        _keep_state(workspace, seconds=seconds, trials=trials)
    return Searched(
        supernet=supernet,
        profile=measured,
        cheap=cheap,
        objectives=objectives,
        trials=trials,
        random=tuple(a.key for a in random),
        uniform=tuple(a.key for a in uniform),
        seconds=seconds,
    )


def _trials(
    workspace: Workspace,
    measured: Profile,
    *,
    cheap: Cheap,
    error: Callable[[Architecture], float],
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
            cheap=cheap,
            study_name=workspace.run.folder,
            evaluate=error,
            recorder=recorder,
            storage_url=workspace.config.store,
            identity={"supernet": supernet_fingerprint(workspace), "profile": _fingerprint(measured)},
            progress=progress,
        )
    return {network.key: network.trial_number for network in result.evaluated}


def _fingerprint(measured: Profile) -> str:
    rows = [m.to_dict() for m in measured.measurements]
    return hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()[:12]


def _refuse_changes(workspace: Workspace) -> dict[str, float]:
    """Refuse another supernet in the same run before anything long begins; return the seconds spent so far."""
    stage = workspace.store.stage(workspace.run.id, "search")
    if stage is None:
        _keep_state(workspace, seconds={}, trials={})
        return {}
    if stage.fingerprint != supernet_fingerprint(workspace):
        raise StoreError(
            str(workspace.folder),
            expected="the training configuration and data that this run was started with",
            got="others",
            remedy="choose another name= for another training",
        )
    seconds: dict[str, float] = stage.detail["seconds"]
    return seconds


def _keep_state(workspace: Workspace, *, seconds: Mapping[str, float], trials: Mapping[str, int]) -> None:
    detail = {"seconds": seconds, "trials": trials, "objectives": list(workspace.config.search.objectives)}
    fingerprint = supernet_fingerprint(workspace)
    workspace.store.finish_stage(workspace.run.id, "search", fingerprint=fingerprint, detail=detail)


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    begin = time.monotonic()
    yield
    seconds[name] = seconds.get(name, 0.0) + time.monotonic() - begin
