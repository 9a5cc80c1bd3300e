"""What disturbs a measurement on this machine now: other programs, a slow clock, heat, an empty battery."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from hardware_profiles.measurement import Measurement

__all__ = ["disturbances", "drift_hint", "throttle_count"]

_BUSY = 0.3  # load a core, of others, from which medians start to suffer
_WANDERING = 1.25
_CPU = Path("/sys/devices/system/cpu")
_POWER = Path("/sys/class/power_supply")


def disturbances(*, threads: int, cpu: Path = _CPU, power: Path = _POWER) -> tuple[str, ...]:
    """Return a sentence for each thing that will make latencies noisy or slow, before anything runs.

    Parameters
    ----------
    threads
        Threads that will be measured; the load of others on the remaining cores matters less.
    cpu, power
        Linux's folders of processors and power supplies; missing ones say nothing.
    """
    found = []
    cores = os.cpu_count() or 1
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    if load > _BUSY * cores or load + threads > cores + _BUSY:
        found.append(
            f"other programs are busy (load {load:.1f} on {cores} cores): stop them, or latencies will be noisy"
        )
    governor = _text(cpu / "cpu0" / "cpufreq" / "scaling_governor")
    if governor in ("powersave", "conservative"):
        found.append(f"the processor's clock is governed by {governor!r}: choose 'performance' for steady latencies")
    if any(_text(supply / "status") == "Discharging" for supply in sorted(power.glob("BAT*"))):
        found.append("the machine runs on its battery: plug it in, or its clock may be held back")
    return tuple(found)


def throttle_count(*, cpu: Path = _CPU) -> int | None:
    """Return how often the processor was slowed down by heat since it started; ``None`` where it does not tell."""
    counts = [_text(file) for file in cpu.glob("cpu[0-9]*/thermal_throttle/core_throttle_count")]
    numbers = [int(text) for text in counts if text is not None and text.isdigit()]
    return sum(numbers) if numbers else None


def drift_hint(measurements: Sequence[Measurement]) -> str | None:
    """Return a sentence if the machine's own speed wandered while it was measured."""
    if not measurements:
        return None
    drifts = sorted(m.drift for m in measurements)
    low, high = drifts[len(drifts) // 20], drifts[-1 - len(drifts) // 20]
    if high / low < _WANDERING:
        return None
    return (
        f"the machine's speed changed by {100 * (high / low - 1):.0f} % while it was measured; it is divided out, "
        "but a quieter or cooler machine gives a better profile"
    )


def _text(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError:
        return None
