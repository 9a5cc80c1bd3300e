"""The devices of a run: its own, and further ones that are known by their profiles alone.

``latency_ms`` is the latency on the run's own device, ``latency_ms@phone`` that on the device that the configuration
calls ``phone``; ``energy_mj`` likewise, where the profile holds energies. Each has its own predictor over the same
space; the run keeps a copy of every profile it began with.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hardware_profiles import Measurand, Profile
from predictors import LatencyPredictor
from runs.objectives import MEASURED, device_of, on_device
from runs.pipeline.stages.once import once
from runs.pipeline.stages.profile import profile
from runs.pipeline.stages.shared_profile import find_profile
from runs.pipeline.workspace import Workspace
from search_space import Architecture, Genes
from search_space.errors import ProfileError

__all__ = ["Devices", "devices"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Devices:
    """The profiles of a run by device, ``None`` for its own, and their predictors by what they predict."""

    profiles: dict[str | None, Profile]
    predictors: dict[str, LatencyPredictor]

    def costs(self, genes: Genes) -> dict[str, NDArray[np.float64]]:
        """Return what is predicted of a gene matrix, ``(n,)`` by objective name."""
        return {name: predictor.predict(genes) for name, predictor in self.predictors.items()}

    def deviations(self, genes: Genes) -> dict[str, NDArray[np.float64]]:
        """Return the standard deviations ``(n,)`` of what is predicted, by objective name."""
        return {name: predictor.predict(genes, return_std=True)[1] for name, predictor in self.predictors.items()}

    def predicted(self, architecture: Architecture) -> dict[str, float]:
        """Return what is predicted of one network, with the ends of each interval."""
        out: dict[str, float] = {}
        for name, predictor in self.predictors.items():
            genes = predictor.space.encode([architecture])
            out[name] = float(predictor.predict(genes)[0])
            ends = predictor.predict_interval(genes)[0].tolist()
            out |= {_end_of(name, end): value for end, value in zip(("low", "high"), ends, strict=True)}
        return out

    @property
    def fingerprints(self) -> dict[str, str]:
        """A hash of each further device's measurements, by name."""
        return {name: _fingerprint(p) for name, p in self.profiles.items() if name is not None}

    @property
    def fingerprint(self) -> str:
        """A hash of the measurements of the run's own device."""
        return _fingerprint(self.profiles[None])


@once
def devices(workspace: Workspace) -> Devices:
    """Return the devices of a run, with the profile of its own measured where it is missing.

    Raises
    ------
    ProfileError
        A further device has no profile of this space, or an objective needs energies that were not measured.
    """
    further: dict[str | None, Profile] = {}
    for name, given in workspace.config.devices.items():
        further[name] = _further(workspace, name, given)
    profiles: dict[str | None, Profile] = {None: profile(workspace), **further}
    predictors: dict[str, LatencyPredictor] = {}
    for device, measured in profiles.items():
        for measurand in filter(measured.holds, Measurand):
            full = measurand.value if device is None else on_device(measurand.value, device)
            predictors[full] = LatencyPredictor(workspace.space, measurand=measurand).fit(measured)
    _check_measured(workspace, profiles, predictors)
    return Devices(profiles=profiles, predictors=predictors)


def _check_measured(workspace: Workspace, profiles: Mapping[str | None, Profile], predicted: Collection[str]) -> None:
    """Raise ``ProfileError`` for an objective or a limit that no profile of the run supports."""
    for name in (*workspace.config.search.objectives, *workspace.budget.limits):
        if name.partition("@")[0] in MEASURED and name not in predicted:
            raise ProfileError(
                name,
                expected="a profile that holds energies",
                got=profiles[device_of(name)].provenance.get("energy", "one without"),
                remedy="profile on a machine with RAPL or NVML counters, or leave it out",
            )


def _end_of(name: str, end: str) -> str:
    """Return how the end of an interval is called: ``latency_low_ms@phone``."""
    base, sign, device = name.partition("@")
    stem, _, unit = base.rpartition("_")
    return f"{stem}_{end}_{unit}{sign}{device}"


def _further(workspace: Workspace, name: str, given: str) -> Profile:
    own = workspace.folder / f"profile-{name}.json"
    found = find_profile(workspace, given, parameter=f"devices.{name}")
    if found.space_fingerprint != workspace.space.fingerprint or not found.blocks:
        raise ProfileError(
            f"devices.{name}",
            expected=f"a profile of blocks of this space ({workspace.space.fingerprint})",
            got=f"one of {len(found.blocks)} blocks of the space {found.space_fingerprint}",
            remedy=f"run nasweave profile on {name} with the same space",
        )
    if own.exists():
        before = Profile.load(own)
        if before.measurements != found.measurements:
            raise ProfileError(
                f"devices.{name}",
                expected="the profile that this run began with",
                got=given,
                remedy="choose another name= for a run with another profile",
            )
        return before
    found.save(own)
    return found


def _fingerprint(measured: Profile) -> str:
    rows = [m.to_dict() for m in measured.measurements]
    return hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()[:12]
