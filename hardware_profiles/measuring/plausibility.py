"""Latencies in the wrong unit: a factor of 1,000 shows in the operations a second that they imply.

A processor core of the last twenty years does between some 10^8 and 10^12 operations a second on what suits it best;
microseconds or seconds taken for milliseconds leave that band by a wide margin on one side. A call costs microseconds
however little it computes, so a profile of small blocks alone may stay below the band: its latencies then tell.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence

from hardware_profiles.measurement import Subject
from hardware_profiles.profile import Profile
from search_space.errors import ProfileError

__all__ = ["check_same_unit", "check_some_blocks", "check_units"]

_CORE = (1e8, 1.5e12)
_ACCELERATOR = (1e9, 1e16)
_FACTOR = 1000.0
_FEWEST_BLOCKS = 3  # from which a typical one is told
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
        _check_alike(profile, rates)
        return
    unit = "seconds" if best > high else "microseconds"
    plausible = low <= (best / _FACTOR if best > high else best * _FACTOR) <= high
    raise ProfileError(
        "profile latencies",
        expected=f"milliseconds, so at best {low:.0e} to {high:.0e} operations a second",
        got=f"{best:.1e}" + (f", as if {unit} were taken for milliseconds" if plausible else ""),
        remedy="correct the unit and import or profile again",
    )


def _check_alike(profile: Profile, rates: Sequence[float]) -> None:
    """Raise ``ProfileError`` where one latency is longer by orders than the others of the profile let expect."""
    latencies = [m.latency_ms for m in profile.measurements]
    if len(latencies) < _FEWEST_BLOCKS:
        return
    call_ms = statistics.median(latencies)
    rate = statistics.median(rate for rate in rates if rate > 0)
    for measurement, own in zip(profile.measurements, rates, strict=True):
        latency = measurement.latency_ms
        expected = call_ms + own * latency / rate  # as many operations at the profile's own rate
        if latency > _FACTOR * expected:
            raise ProfileError(
                "profile latencies",
                expected=f"about {expected:.3g} ms for {measurement.subject}, as the others take",
                got=f"{latency:.3g} ms",
                remedy="measure it again, or leave its line out",
            )


def check_some_blocks(profile: Profile, *, blocks: int) -> None:
    """Raise ``ProfileError`` for a profile of so few blocks that it says nothing of the others.

    Parameters
    ----------
    profile
        Of any origin.
    blocks
        How many the space has.
    """
    fewest = min(_FEWEST_BLOCKS, blocks)
    if len(profile.blocks) < fewest:
        raise ProfileError(
            "profile blocks",
            expected=f"measurements of {fewest} blocks or more of {blocks}",
            got=str(len(profile.blocks)),
            remedy="measure for a longer time",
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
