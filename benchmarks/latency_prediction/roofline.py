"""The roofline: how long a device needs at least, from its specification sheet.

A kernel that moves ``bytes`` and computes ``flops`` takes at least the longer of the two at the sheet's rates. From one
device to another, the share of the time that memory explains shrinks with the ratio of the bandwidths, and the rest
with that of the FLOP rates; :func:`transfer_log_ratio` says so without having seen the new device.

Paper: Williams, Waterman and Patterson 2009 (roofline).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["SpecSheet", "roofline_ms", "transfer_log_ratio"]

Floats = NDArray[np.float64]
# Of the nominal bandwidth, what streaming kernels really reach.
_REACHED = 0.9


@dataclass(frozen=True, kw_only=True, slots=True)
class SpecSheet:
    """Rates that a vendor prints.

    ``flops`` is the peak per second of matrix products in the precision asked for, ``vector_flops`` that of everything
    else, ``bandwidth`` bytes per second of main memory, ``cores`` the processors that blocks of a kernel are dealt to
    (0: unknown), ``clock_hz`` their clock (0: unknown), ``cache_bytes`` the last-level cache (0: unknown).
    """

    name: str
    bandwidth: float
    flops: float
    vector_flops: float
    cores: int = 0
    clock_hz: float = 0.0
    cache_bytes: float = 0.0

    def __post_init__(self) -> None:
        """Refuse rates that are not positive."""
        for field in ("bandwidth", "flops", "vector_flops"):
            value = getattr(self, field)
            if not (np.isfinite(value) and value > 0):
                raise ValueError(f"{self.name}.{field}: expected a positive rate, got {value}; correct the sheet")

    @property
    def lanes(self) -> float:
        """Multiply-adds of a core and cycle; 0 when the sheet lacks cores or clock."""
        known = self.cores > 0 and self.clock_hz > 0
        return self.flops / (2.0 * self.cores * self.clock_hz) if known else 0.0


def roofline_ms(*, flops: Floats, bytes_moved: Floats, sheet: SpecSheet) -> Floats:
    """Return the least time ``(n,)`` in ms of matrix kernels."""
    result: Floats = 1e3 * np.maximum(flops / sheet.flops, bytes_moved / sheet.bandwidth)
    return result


def transfer_log_ratio(
    *, flops: Floats, bytes_moved: Floats, source_ms: Floats, source: SpecSheet, target: SpecSheet
) -> Floats:
    """Return the log of target over source latency ``(n,)`` that the two sheets promise.

    Memory explains the share ``s`` of the measured time, at most all of it. Kernels overlap memory and the rest, so the
    two add as squares: ``(1 - s^2) rest + s^2 memory``. The rest scales with the FLOP rates only as far as compute
    explains it; the remainder is launches, the same on both.
    """
    memory = np.clip(1e3 * bytes_moved / (_REACHED * source.bandwidth) / source_ms, 0.0, 1.0) ** 2
    compute = np.clip(1e3 * flops / (_REACHED * source.flops) / source_ms, 0.0, 1.0) ** 2
    compute = np.minimum(compute, 1.0 - memory)
    rest = 1.0 - memory - compute
    result: Floats = np.log(
        rest + memory * (source.bandwidth / target.bandwidth) + compute * (source.flops / target.flops)
    )
    return result
