"""The names of values: what is known of a network, on which device, and whether it is an end or an error of it.

``latency_ms`` is the latency on the run's own device, ``latency_ms@phone`` that on the device ``phone``,
``latency_low_ms@phone`` the lower end of its interval, and ``validation_error_se`` a standard error. Names are put
together and read here alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

__all__ = ["DECODE", "ENERGY", "FRACTION", "LATENCY", "Part", "Quantity", "device_of", "is_partial", "noise_of"]

Part = Literal["value", "low", "high", "se"]

_DEVICE_SIGN, _ERROR, _RATE = "@", "_se", "_per_s"
_UNITS = {"ms": "ms", "mj": "mJ", "bytes": "bytes", "s": "s"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Quantity:
    """A value of a network by its name.

    Parameters
    ----------
    base
        Its name with the unit at the end, such as ``latency_ms``.
    device
        The further device that it is of; ``None`` for the run's own.
    part
        The value itself, the lower or upper end of its interval, or its standard error (``se``).
    """

    base: str
    device: str | None = None
    part: Part = "value"

    def __str__(self) -> str:
        name = self.base
        if self.part == "se":
            name += _ERROR
        elif self.part != "value":
            stem, _, unit = name.rpartition("_")
            name = f"{stem}_{self.part}_{unit}"
        return name if self.device is None else f"{name}{_DEVICE_SIGN}{self.device}"

    @classmethod
    def parse(cls, name: str) -> Quantity:
        """Return what a name says; raises ``ValueError`` where it names no device after its sign."""
        name, sign, device = name.partition(_DEVICE_SIGN)
        if sign and not device:
            raise ValueError(f"{name}{sign} names no device")
        words = name.split("_")
        part: Part = "value"
        if name.endswith(_ERROR):
            name, part = name.removesuffix(_ERROR), "se"
        elif len(words) > 2 and words[-2] in ("low", "high"):
            name, part = "_".join([*words[:-2], words[-1]]), "low" if words[-2] == "low" else "high"
        return cls(base=name, device=device or None, part=part)

    def on(self, device: str | None) -> Quantity:
        """Return the same of another device; ``None`` is the run's own."""
        return replace(self, device=device)

    def of(self, part: Part) -> Quantity:
        """Return an end or the error of the same."""
        return replace(self, part=part)

    @property
    def stem(self) -> str:
        """The name without its unit: ``latency``."""
        stem, _, unit = self.base.rpartition("_")
        return stem if unit in _UNITS and stem and not self.base.endswith(_RATE) else self.base

    @property
    def unit(self) -> str:
        """The unit that the name ends in, empty where it says none."""
        if self.base.endswith(_RATE):
            return f"{self.base.removesuffix(_RATE)}/s"
        return _UNITS.get(self.base.rpartition("_")[2], "")


LATENCY, ENERGY, DECODE = Quantity(base="latency_ms"), Quantity(base="energy_mj"), Quantity(base="decode_ms")

FRACTION = "validation_fraction"
"""The share of the validation examples that a quality is of; whole ones do not say it."""


def device_of(name: str) -> str | None:
    """Return the further device that a name speaks of; ``None`` for the run's own."""
    return Quantity.parse(name).device


def noise_of(name: str) -> str:
    """Return under which name the standard error of an evaluated value is kept beside it."""
    return str(Quantity.parse(name).of("se"))


def is_partial(values: Mapping[str, float]) -> bool:
    """Whether the evaluation was stopped on a part of the validation split, so that no front may hold the network."""
    return values.get(FRACTION, 1.0) < 1.0
