"""A made-up further device: the profile of this machine, slower and with other relative costs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hardware_profiles import Profile
from search_space import Block


def other_device(own: Path, to: Path, *, factor: float = 3.0, watts: float | None = None) -> Profile:
    """Write the profile of a device on which everything is slower, and softmax more so; with energies for ``watts``."""

    def slower(subject: object) -> float:
        softmax = isinstance(subject, Block) and subject.key == "softmax"
        return factor * (2.0 if softmax else 1.0)

    profile = Profile.load(own)
    measured = tuple(
        replace(
            m,
            latency_ms=m.latency_ms * slower(m.subject),
            raw_ms=m.raw_ms * slower(m.subject),
            energy_mj=None if watts is None else watts * m.latency_ms * slower(m.subject),
        )
        for m in profile.measurements
    )
    device = replace(profile.device, name="phone", cpu_model="a made-up phone", cores=8)
    made = replace(profile, device=device, measurements=measured)
    made.save(to)
    return made
