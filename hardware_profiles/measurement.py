"""One measured latency, with everything that is needed to judge it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import Enum
from typing import Any

from search_space import Architecture, Block
from search_space.architecture import architecture_of
from search_space.blocks import block_of
from search_space.errors import NasweaveError, ProfileError
from search_space.schema import MalformedError, integer, moment, number, optional, parse_json, record, shown, text

__all__ = ["OPTIONAL", "Measurand", "Measurement", "Subject", "subject_from_json", "subject_to_json"]

Subject = Block | Architecture
"""What is measured: one block alone, or a whole network."""


class Measurand(Enum):
    """A quantity that a profile holds of blocks and networks; a network's is about the sum of its blocks'."""

    LATENCY = "latency_ms"
    ENERGY = "energy_mj"

    @property
    def unit(self) -> str:
        """The unit of its values."""
        return {Measurand.LATENCY: "ms", Measurand.ENERGY: "mJ"}[self]


_POSITIVE = ("latency_ms", "raw_ms", "drift", "reference_ms")
OPTIONAL = ("repeat_ms", "energy_mj", "peak_memory_bytes", "predicted_std")
_TIME_MS = number(1e-9, 8.64e7)  # from less than a clock tells to a day
_FIELDS = record(
    {
        "subject": text(longest=2**20),
        **dict.fromkeys(("latency_ms", "raw_ms", "reference_ms"), _TIME_MS),
        "drift": number(1e-6, 1e6),
        "spread": number(0.0, 1e6),
        "repeats": integer(0, 10**12),
        "order": integer(0, 10**9),
        "measured_at": moment,
        "repeat_ms": optional(_TIME_MS),
        "energy_mj": optional(number(1e-12, 1e12)),
        "peak_memory_bytes": optional(number(1.0, 2.0**50)),
        "predicted_std": optional(number(1e-12, 1e6)),
    },
    may_lack=OPTIONAL,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Measurement:
    """The latency of one block or network.

    Parameters
    ----------
    subject
        What was measured.
    latency_ms
        Median latency of one batch, the device's drift divided out, in milliseconds.
    raw_ms
        Median latency as the clock saw it.
    spread
        Relative half-width of the confidence interval of the median.
    repeats
        Number of timed samples.
    drift
        Latency of the reference around this measurement over its latency at the start: above one, the device was slow.
    reference_ms
        Latency of the reference around this measurement.
    order
        Position in the order in which the measurements of the profile were finished.
    measured_at
        Time, ISO 8601 in UTC.
    repeat_ms
        What a second measurement some time later gave, the drift divided out; ``None`` where there was none.
    energy_mj
        Mean energy of one run in millijoules; ``None`` where it is not measurable.
    peak_memory_bytes
        Growth of a fresh process that loads and runs a network; ``None`` where it was not measured.
    predicted_std
        Relative standard deviation of a latency that was not measured here but predicted from another device's profile
        and a few measurements of this one; ``None`` of what was measured.
    """

    subject: Subject
    latency_ms: float
    raw_ms: float
    spread: float
    repeats: int
    drift: float
    reference_ms: float
    order: int
    measured_at: str
    repeat_ms: float | None = None
    energy_mj: float | None = None
    peak_memory_bytes: float | None = None
    predicted_std: float | None = None

    def __post_init__(self) -> None:
        for name in (*_POSITIVE, *OPTIONAL):
            value = getattr(self, name)
            if name in OPTIONAL and value is None:
                continue
            if not (isinstance(value, float) and math.isfinite(value) and value > 0):
                raise ProfileError(
                    f"measurement.{name}",
                    expected="a positive finite number",
                    got=repr(value),
                    remedy=f"measure {self.subject} again",
                )
        if not (math.isfinite(self.spread) and self.spread >= 0):
            raise ProfileError(
                "measurement.spread", expected="a finite number from 0", got=repr(self.spread), remedy="measure again"
            )

    @property
    def baseline_ms(self) -> float:
        """Latency of the reference that the drift is relative to."""
        return self.reference_ms / self.drift

    def value(self, measurand: Measurand) -> float | None:
        """Return the value of a quantity in its unit; ``None`` where it is not known."""
        return self.energy_mj if measurand is Measurand.ENERGY else self.latency_ms

    def to_dict(self) -> dict[str, Any]:
        """Return a flat mapping of JSON-able values, the subject as its JSON text."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "subject"}
        if self.predicted_std is None:
            del values["predicted_std"]  # what was measured is written as it always was
        return {"subject": subject_to_json(self.subject), **values}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Measurement:
        """Read what :meth:`to_dict` wrote; raises ``ProfileError`` for anything else.

        What is optional may be absent.
        """
        try:
            known = _FIELDS(data)
        except MalformedError as error:
            raise ProfileError(
                f"measurement.{error.where}" if error.where else "measurement",
                expected="what a measurement can be",
                got=f"one that is not ({error.reason})",
                remedy="take the file as it was written, or measure again",
            ) from error
        return cls(**{**known, "subject": subject_from_json(known["subject"])})


def subject_to_json(subject: Subject) -> str:
    """Return the canonical JSON text of a subject, ``{"block": {...}}`` or ``{"architecture": {...}}``."""
    kind = "architecture" if isinstance(subject, Architecture) else "block"
    data = json.loads(subject.to_json()) if isinstance(subject, Architecture) else subject.to_mapping()
    return json.dumps({kind: data}, sort_keys=True, separators=(",", ":"))


def subject_from_json(text: str) -> Subject:
    """Read what :func:`subject_to_json` wrote; raises ``ProfileError`` for anything else."""
    try:
        data = parse_json(text)
        if isinstance(data, dict) and data.keys() == {"architecture"}:
            return architecture_of(data["architecture"])
        if isinstance(data, dict) and data.keys() == {"block"}:
            return block_of(data["block"])
        raise MalformedError("neither block nor architecture alone")
    except (MalformedError, NasweaveError) as error:
        raise ProfileError(
            "measurement.subject",
            expected="JSON of a block or an architecture",
            got=shown(text),
            remedy=f"mend it: {error}",
        ) from error
