"""Measure the blocks of the space and a sample of whole networks on this machine, or take a given profile.

A run keeps a copy of the profile it began with, so that all its predictions belong together.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hardware_profiles import Measurement, Profile, ProfilerConfig, Subject, measure_profile, subject_to_json
from runs.lock import exclusive
from runs.progress import show_progress
from runs.search.design import skewed_sample, spread
from runs.stages.build import Builder
from runs.stages.once import once
from runs.workspace import Workspace
from search_space import Architecture, features
from search_space.errors import ProfileError

__all__ = ["is_foreign", "measure", "profile", "profile_key"]

_POOL = 2000


def profile_key(workspace: Workspace) -> str:
    """Name what measurements belong to: device, runtime and version, threads, batch, space."""
    setting = workspace.setting
    return "-".join(
        (
            workspace.device.fingerprint,
            setting.runtime,
            workspace.runtime.version(),
            f"t{setting.threads}",
            f"b{setting.batch_size}",
            workspace.space.fingerprint,
        )
    )


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
        chosen = Profile.load(Path(given))
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
    found.check_matches(setting=workspace.setting, space_fingerprint=workspace.space.fingerprint)
    if not own.exists():
        found.save(own)
    return found


def _measured(workspace: Workspace) -> Profile:
    """Return the profile of this machine: the finished one of an earlier run, or what is missing measured now."""
    file = workspace.outputs / "profiles" / f"{profile_key(workspace)}.json"
    subjects: list[Subject] = [*workspace.space.blocks, *_networks(workspace)]
    if file.exists():
        found = Profile.load(file)
        found.check_matches(device=workspace.device, runtime_version=workspace.runtime.version())
        if set(subjects) <= {m.subject for m in found.measurements}:
            return found
    config = workspace.config.profile
    result = measure(
        workspace, subjects, key=profile_key(workspace), title="profile", time_budget_s=config.time_budget_s
    )
    result.save(file)
    workspace.console.print(
        f"profile: {len(result.blocks)} blocks and {len(result.networks)} networks on {result.device.name}, "
        f"{workspace.setting}; noise floor {100 * result.noise_floor:.1f} %",
        highlight=False,
        markup=False,
    )
    return result


def measure(
    workspace: Workspace,
    subjects: Sequence[Subject],
    *,
    key: str,
    title: str,
    builder: Builder | None = None,
    baseline_ms: float | None = None,
    time_budget_s: float | None = None,
) -> Profile:
    """Measure what ``key`` has no measurement of yet; every finished one is in the store at once.

    One process at a time measures, or they would time each other.
    """
    config, store = workspace.config.profile, workspace.store
    wanted = {subject_to_json(s) for s in subjects}

    def keep(measurement: Measurement) -> None:
        store.add_measurement(key, subject_to_json(measurement.subject), payload=measurement.to_dict())

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
                seed=config.seed,
            ),
            done=[m for m in stored if subject_to_json(m.subject) in wanted],
            on_measurement=keep,
            progress=progress,
            baseline_ms=baseline_ms,
        )


def _networks(workspace: Workspace) -> list[Architecture]:
    """Return the corners and networks far apart from each other; random ones would all be of middling latency."""
    space, config = workspace.space, workspace.config.profile
    rng = np.random.default_rng(config.seed)
    pool = np.unique(skewed_sample(space, rng, _POOL), axis=0)
    points = features(space, pool)
    genes = pool[spread(points, config.networks, apart_from=points[:0], rng=rng)]
    corners = [space.smallest, space.middle, space.largest]
    return list(dict.fromkeys([*corners, *space.decode(genes)]))[: config.networks]
