"""Measure the blocks of the space and a sample of whole networks on this machine, or take a given profile."""

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


def is_foreign(workspace: Workspace) -> bool:
    """Return whether latencies are of another device, so that nothing can be measured here."""
    path = workspace.config.profile.path
    return path is not None and Profile.load(Path(path)).device.fingerprint != workspace.device.fingerprint


@once
def profile(workspace: Workspace) -> Profile:
    """Return the profile: the given file, the finished one of an earlier run, or a new measurement."""
    config = workspace.config.profile
    if config.path is not None:
        given = Profile.load(Path(config.path))
        given.check_matches(setting=workspace.setting, space_fingerprint=workspace.space.fingerprint)
        return given
    file = workspace.outputs / "profiles" / f"{profile_key(workspace)}.json"
    with exclusive(file.with_name(".lock")):
        if file.exists():
            found = _finished(workspace, file)
            if found is not None:
                return found
        result = measure(workspace, _subjects(workspace), key=profile_key(workspace), title="profile")
        result.save(file)
    workspace.console.print(
        f"profile: {len(result.blocks)} blocks and {len(result.networks)} networks on {result.device.name}, "
        f"{workspace.setting}; noise floor {100 * result.noise_floor:.1f} %",
        highlight=False,
    )
    return result


def _finished(workspace: Workspace, file: Path) -> Profile | None:
    found = Profile.load(file)
    found.check_matches(
        device=workspace.device, setting=workspace.setting, space_fingerprint=workspace.space.fingerprint
    )
    complete = len(found.networks) >= min(workspace.config.profile.networks, len(_networks(workspace)))
    return found if complete else None


def measure(
    workspace: Workspace, subjects: Sequence[Subject], *, key: str, title: str, builder: Builder | None = None
) -> Profile:
    """Measure what ``key`` has no measurement of yet; every finished one is in the store at once."""
    config, store = workspace.config.profile, workspace.store
    wanted = {subject_to_json(s) for s in subjects}
    done = [m for m in map(Measurement.from_dict, store.measurements(key)) if subject_to_json(m.subject) in wanted]

    def keep(measurement: Measurement) -> None:
        store.add_measurement(key, subject_to_json(measurement.subject), payload=measurement.to_dict())

    with show_progress(workspace.console, title) as progress:
        return measure_profile(
            subjects,
            setting=workspace.setting,
            device=workspace.device,
            space_fingerprint=workspace.space.fingerprint,
            build=builder or Builder(workspace.space, batch_size=workspace.setting.batch_size),
            config=ProfilerConfig(
                precision=config.precision,
                max_seconds=config.max_seconds,
                time_budget_s=config.time_budget_s,
                seed=config.seed,
            ),
            done=done,
            on_measurement=keep,
            progress=progress,
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


def _subjects(workspace: Workspace) -> list[Subject]:
    return [*workspace.space.blocks, *_networks(workspace)]
