"""Measure blocks and networks on this machine; every finished measurement is in the database at once."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from hardware_profiles import (
    Earlier,
    Instruments,
    Measurement,
    Profile,
    ProfileOrigin,
    ProfilerConfig,
    Subject,
    measure_profile,
    subject_to_json,
)
from hardware_profiles.measuring.energy import energy_meter
from runs.environment import versions
from runs.lock import exclusive
from runs.profiling.builder import Builder
from runs.profiling.config import ProfileConfig
from runs.profiling.subjects import block_costs
from runs.profiling.target import Target
from runs.reporter import ProgressCallback
from runs.store import Store
from search_space import Architecture
from search_space.blocks import blocks_of
from supernet.composing.graphs import export_ahead

__all__ = ["export_blocks", "measure", "provenance"]

_EXPORT_SHARE = 0.4  # of a time budget
_LEAST_LEFT = 0.03


def measure(
    subjects: Sequence[Subject],
    *,
    target: Target,
    config: ProfileConfig,
    store: Store,
    key: str,
    task: str,
    folder: Path,
    progress: ProgressCallback | None = None,
    builder: Builder | None = None,
    baseline_ms: float | None = None,
    time_budget_s: float | None = None,
    rounds: int = 1,
    memory: bool = False,
) -> Profile:
    """Measure what ``key`` has no measurement of yet.

    One process at a time measures, or they would time each other.

    Parameters
    ----------
    target
        What the measurements belong to.
    config
        Precision and caps; the time budget is given apart.
    store, key
        The database, and the name of these measurements in it.
    task
        For the provenance.
    folder
        The folder of all profiles, whose lock is held meanwhile.
    builder
        Makes modules; of random weights when ``None``.
    baseline_ms
        Latency of the reference that drift is relative to: that of the profile to be comparable with.
    time_budget_s, rounds, memory
        Of :class:`hardware_profiles.ProfilerConfig`.
    """
    wanted = {subject_to_json(s) for s in subjects}

    def keep(measurement: Measurement) -> None:
        store.add_measurement(key, subject_to_json(measurement.subject), payload=measurement.to_dict())

    with exclusive(folder / ".lock"):
        stored = [Measurement.from_dict(payload) for payload in store.measurements(key)]
        done = [m for m in stored if subject_to_json(m.subject) in wanted]
        began = time.monotonic()
        missing = set(subjects) - {m.subject for m in done}
        export_blocks(missing, target=target, time_budget_s=time_budget_s, progress=progress)
        if time_budget_s is not None:
            time_budget_s = max(time_budget_s - (time.monotonic() - began), _LEAST_LEFT * time_budget_s)
        return measure_profile(
            subjects,
            origin=ProfileOrigin(
                setting=target.setting,
                device=target.device,
                space_fingerprint=target.space.fingerprint,
                provenance=provenance(target, task=task),
            ),
            build=builder or Builder(target.space, setting=target.setting),
            config=ProfilerConfig(
                precision=config.precision,
                max_seconds=config.max_seconds,
                time_budget_s=time_budget_s,
                memory=memory,
                rounds=rounds,
                seed=config.seed,
            ),
            earlier=Earlier(measurements=done, baseline_ms=baseline_ms),
            instruments=Instruments(
                runtime=target.runtime, meter=energy_meter(accelerated=target.runtime.accelerated)[0]
            ),
            describe=partial(block_costs, target.space),
            on_measurement=keep,
            progress=progress,
        )


def export_blocks(
    subjects: Iterable[Subject],
    *,
    target: Target,
    time_budget_s: float | None = None,
    progress: ProgressCallback | None = None,
) -> None:
    """Export what graphs of blocks are missing on several cores at once, before anything is timed.

    Of a time budget, a part is left to time what is there already.
    """
    if not target.runtime.reads_onnx or target.runtime.unavailable() is not None:
        return
    geometry = target.geometry
    task = geometry.task
    blocks = [b for s in subjects for b in (blocks_of(s, task) if isinstance(s, Architecture) else [s])]
    export_ahead(
        sorted(set(blocks), key=str),
        geometry,
        step=target.setting.phase == "decode",
        seconds=math.inf if time_budget_s is None else _EXPORT_SHARE * time_budget_s,
        progress=progress,
    )


def provenance(target: Target, *, task: str) -> dict[str, str]:
    """Return what a reader of a profile wants to know of how it came about."""
    found = {
        "task": task,
        "space": target.space.name,
        **{name: versions()[name] for name in ("nasweave", "python", "system", "numpy")},
        "energy": energy_meter(accelerated=target.runtime.accelerated)[1],
    }
    if hasattr(os, "getloadavg"):
        found["load before"] = f"{os.getloadavg()[0]:.1f}"
    return found
