"""What is predicted for the devices of a run: its own, and others that are known by their profiles alone.

``latency_ms`` is the latency on the run's own device, ``latency_ms@phone`` that on the device that the configuration
calls ``phone``; ``energy_mj`` likewise, where the profile holds energies. Each has its own predictor over the same
space.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hardware_profiles import Measurand, Profile
from predictors import CostModel, LatencyPredictor
from runs.objectives import DECODE, LATENCY, MEASURED, Quantity, exact_costs
from search_space import Architecture, Genes, SearchSpace
from search_space.errors import ProfileError

__all__ = ["Devices"]

_TTFT, _RATE = "ttft_ms", "tokens_per_s"


@dataclass(frozen=True, kw_only=True, slots=True)
class Devices:
    """The profiles of a run by device, ``None`` for its own, and their predictors by what they predict.

    ``exact`` gives what needs no prediction; ``decode`` is the own device's profile of decoding, where it is measured.
    The time to the first token is the latency of the prompt, and the tokens a second are those of the step's latency.
    """

    profiles: Mapping[str | None, Profile]
    predictors: Mapping[str, LatencyPredictor]
    exact: CostModel
    decode: Profile | None = None

    @classmethod
    def fit(
        cls,
        profiles: Mapping[str | None, Profile],
        *,
        space: SearchSpace,
        exact: CostModel,
        decode: Profile | None = None,
    ) -> Devices:
        """Return the devices of these profiles, with a predictor fitted to each latency and energy.

        ``decode`` is the profile of the steps of a decoder on the run's own device.
        """
        predictors: dict[str, LatencyPredictor] = {}
        for device, measured in profiles.items():
            for measurand in filter(measured.holds, Measurand):
                name = Quantity(base=measurand.value, device=device)
                predictors[str(name)] = LatencyPredictor(space, measurand=measurand).fit(measured)
        if decode is not None:
            predictors[DECODE.base] = LatencyPredictor(space).fit(decode)
        return cls(profiles=profiles, predictors=predictors, exact=exact, decode=decode)

    @property
    def own(self) -> Profile:
        """The profile of the run's own device."""
        return self.profiles[None]

    def costs(self, genes: Genes) -> dict[str, NDArray[np.float64]]:
        """Return every value that needs no evaluation, ``(n,)`` by objective name, of a gene matrix."""
        times = {name: p.predict(genes) for name, p in self.predictors.items()}
        if self.exact.space.geometry.task.causal:
            times[_TTFT] = times[LATENCY.base]
        if DECODE.base in times:
            times[_RATE] = 1e3 * self.exact.sequences / times[DECODE.base]
        return times | exact_costs(self.exact, genes)

    def deviations(self, genes: Genes) -> dict[str, NDArray[np.float64]]:
        """Return the standard deviations ``(n,)`` of what is predicted, by objective name."""
        both = {name: predictor.predict(genes, return_std=True) for name, predictor in self.predictors.items()}
        found = {name: std for name, (_, std) in both.items()}
        if self.exact.space.geometry.task.causal:
            found[_TTFT] = found[LATENCY.base]
        if DECODE.base in both:
            mean, std = both[DECODE.base]
            found[_RATE] = 1e3 * self.exact.sequences / mean * (std / mean)  # to first order
        return found

    def predicted(self, architecture: Architecture) -> dict[str, float]:
        """Return what is predicted of one network, with the ends of each interval."""
        out: dict[str, float] = {}
        for name, predictor in self.predictors.items():
            genes = predictor.space.encode([architecture])
            out[name] = float(predictor.predict(genes)[0])
            ends = predictor.predict_interval(genes)[0].tolist()
            low, high = (str(Quantity.parse(name).of(end)) for end in ("low", "high"))
            out |= dict(zip((low, high), ends, strict=True))
        return out

    def check_predicted(self, names: Iterable[str]) -> None:
        """Raise ``ProfileError`` for an objective or a limit that no profile of the run supports."""
        for name in names:
            asked = Quantity.parse(name)
            if asked.on(None) in MEASURED and name not in self.predictors:
                raise ProfileError(
                    name,
                    expected="a profile that holds energies",
                    got=self.profiles[asked.device].provenance.get("energy", "one without"),
                    remedy="profile on a machine with RAPL or NVML counters, or leave it out",
                )

    @property
    def fingerprints(self) -> dict[str, str]:
        """A hash of each further device's measurements, by name."""
        return {name: _fingerprint(p) for name, p in self.profiles.items() if name is not None}

    @property
    def decode_fingerprint(self) -> str | None:
        """A hash of the measured steps, where there are any."""
        return None if self.decode is None else _fingerprint(self.decode)

    @property
    def fingerprint(self) -> str:
        """A hash of the measurements of the run's own device."""
        return _fingerprint(self.own)


def _fingerprint(measured: Profile) -> str:
    rows = [m.to_dict() for m in measured.measurements]
    return hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()[:12]
