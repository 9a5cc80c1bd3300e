"""Latencies in the wrong unit: a factor of 1,000 shows in the operations a second that they imply.

A processor core of the last twenty years does between some 10^8 and 10^12 operations a second on what suits it best;
microseconds or seconds taken for milliseconds leave that band by a wide margin on one side. A call costs microseconds
however little it computes, so a profile of small blocks alone may stay below the band: its latencies then tell.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping

from hardware_profiles.measurement import Subject
from hardware_profiles.profile import Profile
from search_space.errors import ProfileError

__all__ = ["check_same_unit", "check_units"]

_CORE = (1e8, 1.5e12)
_ACCELERATOR = (1e9, 1e16)
_FACTOR = 1000.0
_CALL_MS = 1.0  # longer than any runtime's call that computes nothing, shorter than the same in microseconds


def check_units(profile: Profile, *, flops: Callable[[Subject], float]) -> None:
    """Raise ``ProfileError`` when the best rate of a profile is one that no device has.

    Parameters
    ----------
    profile
        Measured or imported.
    flops
        Floating point operations of one example of a subject.
    """
    batch = profile.setting.batch_size
    rates = [flops(m.subject) * batch / (m.latency_ms / 1e3) for m in profile.measurements]
    best = max(rates, default=0.0)
    if not best:
        return
    low, high = _ACCELERATOR if profile.device.accelerator else _CORE
    if profile.device.accelerator is None:
        high *= profile.setting.threads
    only_calls = min(m.latency_ms for m in profile.measurements) < _CALL_MS
    if best <= high and (best >= low or only_calls):
        return
    unit = "seconds" if best > high else "microseconds"
    plausible = low <= (best / _FACTOR if best > high else best * _FACTOR) <= high
    raise ProfileError(
        "profile latencies",
        expected=f"milliseconds, so at best {low:.0e} to {high:.0e} operations a second",
        got=f"{best:.1e}" + (f", as if {unit} were taken for milliseconds" if plausible else ""),
        remedy="correct the unit and import or profile again",
    )


def check_same_unit(new: Mapping[Subject, float], known: Mapping[Subject, float], *, what: str) -> None:
    """Raise ``ProfileError`` when latencies of the same subjects differ by a factor near 1,000.

    Parameters
    ----------
    new, known
        Milliseconds by subject, of one device and setting.
    what
        Where the new ones come from.
    """
    ratios = [new[s] / known[s] for s in new.keys() & known.keys()]
    if not ratios:
        return
    ratio = statistics.median(ratios)
    if max(ratio, 1 / ratio) > _FACTOR / 4:
        raise ProfileError(
            what,
            expected="latencies of the same order as those measured before",
            got=f"{ratio:.3g} times as long in the median: another unit",
            remedy="correct the unit",
        )
