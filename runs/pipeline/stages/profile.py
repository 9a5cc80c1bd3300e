"""Measure the blocks of the space and a sample of whole networks on this machine, or take a given profile.

A run keeps a copy of the profile it began with, so that all its predictions belong together.
"""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise

import numpy as np

from hardware_profiles import (
    Device,
    Measurement,
    Profile,
    ProfilerConfig,
    Setting,
    Subject,
    measure_profile,
    subject_to_json,
)
from hardware_profiles.measuring.conditions import disturbances, drift_hint, throttle_count
from hardware_profiles.measuring.energy import energy_meter
from hardware_profiles.measuring.plausibility import check_units
from runs.environment import versions
from runs.lock import exclusive
from runs.pipeline.stages.build import Builder
from runs.pipeline.stages.once import once
from runs.pipeline.stages.shared_profile import find_profile
from runs.pipeline.workspace import Workspace
from runs.progress import show_progress
from runs.search.algorithms.design import skewed_sample, spread
from search_space import Architecture, features
from search_space.blocks import blocks_of
from search_space.errors import ProfileError

__all__ = [
    "block_costs",
    "check_profile",
    "is_foreign",
    "key_of",
    "measure",
    "networks",
    "profile",
    "profile_key",
    "provenance",
]

_POOL = 2000
_NETWORKS_IN_BUDGET = 400
_PAUSE_S = 60.0  # between two measurements of one command there is less, for preparing a chunk
_LEAST_LEFT = 0.03  # of a budget that is continued
_BUDGET = "time budget in seconds"
_log = logging.getLogger("nasweave.runs")


def profile_key(workspace: Workspace) -> str:
    """Name what measurements of this machine belong to: device, runtime and version, threads, batch, space."""
    return key_of(
        workspace.device, workspace.setting, version=workspace.runtime.version(), space=workspace.space.fingerprint
    )


def key_of(device: Device, setting: Setting, *, version: str, space: str) -> str:
    """Name what measurements belong to."""
    parts = (device.fingerprint, setting.runtime, version, f"t{setting.threads}", f"b{setting.batch_size}", space)
    return "-".join(parts)


def is_foreign(workspace: Workspace, profile: Profile) -> bool:
    """Return whether latencies are of another device or runtime version, so that they cannot be measured here."""
    here = (workspace.device.fingerprint, workspace.runtime.version())
    return (profile.device.fingerprint, profile.runtime_version) != here


@once
def profile(workspace: Workspace) -> Profile:
    """Return the run's profile: the one it began with, else the given file, else a measurement of this machine."""
    own, given = workspace.folder / "profile.json", workspace.config.profile.path
    found = Profile.load(own) if own.exists() else None
    if given is not None:
        chosen = find_profile(workspace, given, parameter="profile.path")
        if found is not None and found.measurements != chosen.measurements:
            raise ProfileError(
                "profile.path",
                expected="the profile that this run began with",
                got=given,
                remedy="choose another name= for a run with another profile",
            )
        found = chosen
    if found is None:
        found = _measured(workspace)
    check_profile(workspace, found)
    if not own.exists():
        found.save(own)
    return found


def check_profile(workspace: Workspace, found: Profile) -> None:
    """Raise ``ProfileError`` unless a profile is of this run's setting and space, in milliseconds."""
    found.check_matches(setting=workspace.setting, space_fingerprint=workspace.space.fingerprint)
    check_units(found, flops=lambda subject: _flops(workspace, subject))


def _flops(workspace: Workspace, subject: Subject) -> float:
    space = workspace.space
    blocks = blocks_of(subject, space.geometry.task) if isinstance(subject, Architecture) else [subject]
    return float(sum(space.cost(block).flops for block in blocks))


def _measured(workspace: Workspace) -> Profile:
    """Return the profile of this machine: the finished one of an earlier run, or what is missing measured now."""
    config, key = workspace.config.profile, profile_key(workspace)
    file = workspace.outputs / "profiles" / f"{key}.json"
    wanted = config.networks if config.time_budget_s is None else max(config.networks, _NETWORKS_IN_BUDGET)
    subjects: list[Subject] = [*workspace.space.blocks, *networks(workspace, wanted)]
    found = Profile.load(file) if file.exists() else None
    if found is not None:
        found.check_matches(device=workspace.device, runtime_version=workspace.runtime.version())
        if set(subjects) <= {m.subject for m in found.measurements}:
            return found
    left = None
    if config.time_budget_s is not None:
        if found is not None and float(found.provenance.get(_BUDGET, 0)) >= config.time_budget_s:
            return found
        # A call that was killed has left no word of its time, but its measurements have theirs.
        spent = _seconds_spent([payload["measured_at"] for payload in workspace.store.measurements(key)])
        left = max(config.time_budget_s - spent, _LEAST_LEFT * config.time_budget_s)
    for text in disturbances(threads=workspace.setting.threads):
        _log.warning("%s", text)
    throttled = throttle_count()
    result = measure(workspace, subjects, key=key, title="profile", time_budget_s=left, memory=config.memory)
    if config.time_budget_s is not None:
        result = replace(result, provenance={**result.provenance, _BUDGET: f"{config.time_budget_s:g}"})
    result.save(file)
    if throttled is not None and (throttle_count() or 0) > throttled:
        _log.warning("the processor was slowed down by heat while it was measured: cool it and profile again")
    hint = drift_hint(result.measurements)
    if hint is not None:
        _log.warning("%s", hint)
    workspace.console.print(
        f"profile: {len(result.blocks)} blocks and {len(result.networks)} networks on {result.device.name}, "
        f"{workspace.setting}; noise floor {100 * result.noise_floor:.1f} %",
        highlight=False,
        markup=False,
    )
    return result


def _seconds_spent(stamps: Sequence[str]) -> float:
    """Return how long commands measured so far, from the times at which measurements were finished."""
    times = sorted(datetime.fromisoformat(stamp).timestamp() for stamp in stamps)
    return sum(min(b - a, _PAUSE_S) for a, b in pairwise(times))


def measure(
    workspace: Workspace,
    subjects: Sequence[Subject],
    *,
    key: str,
    title: str,
    builder: Builder | None = None,
    baseline_ms: float | None = None,
    time_budget_s: float | None = None,
    memory: bool = False,
    rounds: int = 1,
) -> Profile:
    """Measure what ``key`` has no measurement of yet; every finished one is in the store at once.

    One process at a time measures, or they would time each other.
    """
    config, store = workspace.config.profile, workspace.store
    wanted = {subject_to_json(s) for s in subjects}

    def keep(measurement: Measurement) -> None:
        store.add_measurement(key, subject_to_json(measurement.subject), payload=measurement.to_dict())

    meter, _ = energy_meter(accelerated=workspace.runtime.accelerated)
    with exclusive(workspace.outputs / "profiles" / ".lock"), show_progress(workspace.console, title) as progress:
        stored = [Measurement.from_dict(payload) for payload in store.measurements(key)]
        return measure_profile(
            subjects,
            setting=workspace.setting,
            device=workspace.device,
            space_fingerprint=workspace.space.fingerprint,
            build=builder or Builder(workspace.space, batch_size=workspace.setting.batch_size),
            config=ProfilerConfig(
                precision=config.precision,
                max_seconds=config.max_seconds,
                time_budget_s=time_budget_s,
                memory=memory,
                rounds=rounds,
                seed=config.seed,
            ),
            done=[m for m in stored if subject_to_json(m.subject) in wanted],
            on_measurement=keep,
            progress=progress,
            baseline_ms=baseline_ms,
            describe=lambda subject: block_costs(workspace, subject),
            provenance=provenance(workspace),
            meter=meter,
        )


def provenance(workspace: Workspace) -> dict[str, str]:
    """Return what a reader of a profile wants to know of how it came about."""
    found = {
        "task": workspace.config.task.name,
        "space": workspace.space.name,
        **{name: versions()[name] for name in ("nasweave", "python", "system", "numpy")},
        "energy": energy_meter(accelerated=workspace.runtime.accelerated)[1],
    }
    if hasattr(os, "getloadavg"):
        found["load before"] = f"{os.getloadavg()[0]:.1f}"
    return found


def block_costs(workspace: Workspace, subject: Subject) -> tuple[float, ...]:
    """Return the costs of a block on logarithmic scales, where distances mean factors."""
    assert not isinstance(subject, Architecture)
    cost = workspace.space.cost(subject)
    size = cost.size_bytes(subject.precision, subject.float_precision)
    return math.log1p(cost.flops), math.log1p(size), math.log1p(cost.peak_activations)


def networks(workspace: Workspace, count: int) -> list[Architecture]:
    """Return the corners and networks far apart from each other; random ones would all be of middling latency."""
    space = workspace.space
    rng = np.random.default_rng(workspace.config.profile.seed)
    pool = np.unique(skewed_sample(space, rng, _POOL), axis=0)
    points = features(space, pool)
    genes = pool[spread(points, count, apart_from=points[:0], rng=rng)]
    corners = [space.smallest, space.middle, space.largest]
    return list(dict.fromkeys([*corners, *space.decode(genes)]))[:count]
