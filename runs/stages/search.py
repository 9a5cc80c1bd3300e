"""Search the space through the trained supernet and the fitted predictors, then evaluate the baselines."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hardware_profiles import Profile
from predictors import LatencyPredictor
from runs.objectives import Objective, objectives_by_name
from runs.progress import show_progress
from runs.search import StoreRecorder, run_search
from runs.stages.feasibility import Cheap, check_budget, overview
from runs.stages.once import once
from runs.stages.profile import profile
from runs.stages.train import supernet_fingerprint, train
from runs.workspace import Workspace
from search_space import Architecture, Genes, Layer
from supernet import Supernet
from supernet.training import evaluate

__all__ = ["Searched", "search"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Searched:
    """A finished search; its candidates are in the store.

    ``random`` and ``uniform`` are the keys of the baselines' networks, ``seconds`` the time of each stage in all calls.
    """

    supernet: Supernet
    profile: Profile
    predictor: LatencyPredictor
    cheap: Cheap
    objectives: tuple[Objective, ...]
    random: tuple[str, ...]
    uniform: tuple[str, ...]
    seconds: Mapping[str, float]


@once
def search(workspace: Workspace) -> Searched:
    """Return the finished search; an interrupted one continues, a finished one is not repeated."""
    objectives = objectives_by_name(workspace.config.search.objectives)
    space, seconds = workspace.space, {}
    check_budget(space, workspace.exact_values, workspace.budget)
    assert workspace.run.id  # refuses a folder of another run before anything long begins

    begin = time.monotonic()
    measured = profile(workspace)
    predictor = LatencyPredictor(space).fit(measured)
    seconds["profile"] = time.monotonic() - begin

    def cheap(genes: Genes) -> dict[str, NDArray[np.float64]]:
        return {"latency_ms": predictor.predict(genes), **workspace.exact_values(genes)}

    workspace.console.print(overview(space, cheap, workspace.budget))
    check_budget(space, cheap, workspace.budget)

    begin = time.monotonic()
    supernet = train(workspace)
    seconds["train"] = time.monotonic() - begin

    def error(architecture: Architecture) -> float:
        return evaluate(supernet, data=workspace.data, split=workspace.data.validation, architecture=architecture)

    def predicted(architecture: Architecture) -> dict[str, float]:
        genes = space.encode([architecture])
        low, high = predictor.predict_interval(genes)[0].tolist()
        return {"latency_ms": float(predictor.predict(genes)[0]), "latency_low_ms": low, "latency_high_ms": high}

    begin = time.monotonic()
    with show_progress(workspace.console, "search") as progress:
        run_search(
            space,
            config=replace(workspace.config.search, budget=workspace.budget),
            cheap=cheap,
            study_name=str(workspace.folder),
            evaluate=error,
            recorder=StoreRecorder(workspace.store, run_id=workspace.run.id, predicted=predicted),
            storage_url=workspace.config.store,
            identity={"supernet": supernet_fingerprint(workspace), "profile": measured.created_at},
            progress=progress,
        )
    seconds["search"] = time.monotonic() - begin

    begin = time.monotonic()
    random, uniform = _random_networks(workspace), _uniform_networks(workspace, cheap)
    corners = {"smallest": [space.smallest], "largest": [space.largest]}
    groups = {**corners, "uniform": uniform, "random": random}
    with show_progress(workspace.console, "evaluate baselines") as progress:
        for source, architectures in groups.items():
            recorder = StoreRecorder(workspace.store, run_id=workspace.run.id, predicted=predicted, source=source)
            known = recorder.known()
            for i, architecture in enumerate(architectures):
                if architecture.key not in known:
                    row = space.encode([architecture])
                    values = {name: float(column[0]) for name, column in cheap(row).items()}
                    values["validation_error"] = error(architecture)
                    recorder.add(architecture.key, architecture=architecture, values=values, trial_number=None)
                progress(i + 1, len(architectures), source)
    seconds["baselines"] = time.monotonic() - begin
    return Searched(
        supernet=supernet,
        profile=measured,
        predictor=predictor,
        cheap=cheap,
        objectives=objectives,
        random=tuple(a.key for a in random),
        uniform=tuple(a.key for a in uniform),
        seconds=_total_seconds(workspace, seconds),
    )


def _total_seconds(workspace: Workspace, seconds: Mapping[str, float]) -> dict[str, float]:
    """Add the stages' times to those of earlier calls that finished, in the store."""
    store, run = workspace.store, workspace.run
    earlier = store.stage(run.id, "search")
    before = earlier.detail["seconds"] if earlier else {}
    total = {name: value + before.get(name, 0.0) for name, value in seconds.items()}
    store.finish_stage(run.id, "search", fingerprint=supernet_fingerprint(workspace), detail={"seconds": total})
    return total


def _random_networks(workspace: Workspace) -> list[Architecture]:
    """Return the networks of plain random search, distinct, in order."""
    rng = np.random.default_rng(workspace.config.search.seed + 1)
    drawn = workspace.space.decode(workspace.space.sample_genes(rng, 2 * workspace.config.baselines.random))
    return list(dict.fromkeys(drawn))[: workspace.config.baselines.random]


def _uniform_networks(workspace: Workspace, cheap: Cheap) -> list[Architecture]:
    """Return networks whose layers are all the same, spread evenly over the latency of all such networks."""
    space = workspace.space
    layers = dict.fromkeys(
        space.canonical_layer(
            Layer(
                mixer=mixer,
                num_heads=heads,
                channel_mixer=channel,
                ratio=ratio,
                mixer_precision=precision,
                channel_precision=precision,
            )
        )
        for mixer, heads, channel, ratio, precision in itertools.product(
            space.mixer, space.num_heads, space.channel_mixer, space.ratio, space.precision
        )
        if "identity" not in (mixer, channel)
    )
    every = [
        Architecture(embed_dim=width, float_precision=floats, layers=(layer,) * depth)
        for width, floats, depth, layer in itertools.product(
            space.embed_dim, space.float_precision, space.depth, layers
        )
    ]
    return _evenly(every, cheap(space.encode(every))["latency_ms"], workspace.config.baselines.uniform) if every else []


def _evenly(items: Sequence[Architecture], values: NDArray[np.float64], n: int) -> list[Architecture]:
    order = np.argsort(values, kind="stable")
    picked = np.unique(np.linspace(0, len(items) - 1, min(n, len(items))).round().astype(int))
    return [items[i] for i in order[picked]]
