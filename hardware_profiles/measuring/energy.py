"""Energy meters: RAPL of the processor's packages, NVML of a CUDA device, or the reason why there is none.

Both count everything that the package or the card consumes, idle power and neighbours included; a quiet machine is
therefore even more important than for latency.

Documentation: Linux powercap (``/sys/class/powercap``); NVML ``nvmlDeviceGetTotalEnergyConsumption``.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

__all__ = ["EnergyMeter", "RaplMeter", "energy_meter"]

_POWERCAP = Path("/sys/class/powercap")
_MICROJOULES = 1e-3  # millijoules in one


class EnergyMeter(Protocol):
    """A counter of energy that only grows."""

    def read_mj(self) -> float:
        """Return the millijoules consumed since some fixed moment."""


class RaplMeter:
    """The sum over processor packages of Linux's powercap counters.

    Parameters
    ----------
    zones
        Folders with ``energy_uj`` and ``max_energy_range_uj``, at which the counter starts again from zero.
    """

    def __init__(self, zones: Sequence[Path]) -> None:
        self._files = [zone / "energy_uj" for zone in zones]
        self._ranges = [int((zone / "max_energy_range_uj").read_text()) for zone in zones]
        self._last = [int(file.read_text()) for file in self._files]
        self._total = 0

    def read_mj(self) -> float:
        """Return the millijoules of all packages since the meter was made; must be read once a minute or so."""
        for i, file in enumerate(self._files):
            now = int(file.read_text())
            self._total += (now - self._last[i]) % (self._ranges[i] + 1)
            self._last[i] = now
        return self._total * _MICROJOULES


class _NvmlMeter:
    def __init__(self, nvml: Any) -> None:
        nvml.nvmlInit()
        self._nvml, self._device = nvml, nvml.nvmlDeviceGetHandleByIndex(0)
        self.read_mj()

    def read_mj(self) -> float:
        return float(self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._device))


def energy_meter(*, accelerated: bool, powercap: Path = _POWERCAP) -> tuple[EnergyMeter | None, str]:
    """Return the meter of this machine and its name, or ``None`` and why energy is not measurable here."""
    if accelerated:
        if importlib.util.find_spec("pynvml") is None:
            return None, "not measurable here: pip install nvidia-ml-py"
        import pynvml

        try:
            return _NvmlMeter(pynvml), "NVML"
        except pynvml.NVMLError as error:
            return None, f"not measurable here: {error}"
    zones = sorted(zone for zone in powercap.glob("intel-rapl:*") if zone.name.count(":") == 1)
    if not zones:
        return None, "not measurable here: no RAPL counters"
    try:
        return RaplMeter(zones), "RAPL"
    except (OSError, ValueError) as error:
        return None, f"not measurable here: RAPL counters are not readable ({error})"
