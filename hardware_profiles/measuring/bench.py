"""Timing one executable after another beside a fixed reference: what the profiler and a bundle's script have in common.

Between two subjects the reference is timed; its change since the start is what the device itself did (clock speed,
neighbours), and latencies are divided by it. The reference is small. What slows only large networks, such as a
neighbour that fills the caches, shows in a canary, the largest of the first subjects, timed again every few of them:
where it was slower than it can be, they are measured again, and the faster reading of each stays; within a time budget
for a third of the time at most, for what is not measured at all is known worse. Some subjects of a
chunk are timed a second time at its end, which tells the noise floor; so are those that something disturbed, and of
these the calmer measurement stays.

Nothing here needs more than numpy and the runtime.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from hardware_profiles.measuring.reference import Reference
from hardware_profiles.measuring.timing import Clock, ProfilerConfig, Timing, measure
from search_space.errors import NasweaveError, RuntimeUnavailableError, reason_of

if TYPE_CHECKING:
    from hardware_profiles.example import Arrays
    from hardware_profiles.measuring.energy import EnergyMeter
    from hardware_profiles.runtime import Executable

__all__ = ["Bench", "Reading", "Ready"]

_BASELINE_READINGS = 15
_GROUP = 8  # subjects between two looks at the canary
_DISTURBED = 0.05  # by which the canary is slower, beyond the interval of its own reading
_RETRIES = 3
_RETRIES_SHARE = 1 / 3  # of the time so far, within a time budget
K = TypeVar("K")


@dataclass(frozen=True, kw_only=True, slots=True)
class Ready(Generic[K]):
    """Something compiled, with a batch to run it on."""

    key: K
    executable: Executable
    example: Arrays


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What was measured of one subject; the fields are those of :class:`hardware_profiles.measurement.Measurement`."""

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


class Bench:
    """A reference and a clock.

    Parameters
    ----------
    reference
        The yardstick, compiled for the same runtime and threads.
    config
        Precision and caps.
    clock
        Returns seconds.
    baseline_ms
        Latency of the reference that drift is relative to; ``None`` takes the one measured now.
    next_order
        Order of the first reading.
    meter
        Counts energy where it can be read.
    """

    def __init__(
        self,
        reference: Reference,
        *,
        config: ProfilerConfig,
        clock: Clock,
        baseline_ms: float | None,
        next_order: int,
        meter: EnergyMeter | None = None,
    ) -> None:
        self._reference, self._config, self._clock, self._meter = reference, config, clock, meter
        self._order = next_order
        self._canary: Ready[Any] | None = None
        self._calm_ms, self._calm = math.inf, True  # of the canary, and whether it was when last looked at
        self._began, self._again_s = clock(), 0.0
        readings = [reference.read(config, clock) for _ in range(_BASELINE_READINGS)]
        self._last = readings[-1]
        self.baseline_ms = float(np.median(readings)) if baseline_ms is None else baseline_ms

    def chunk(
        self,
        ready: Sequence[Ready[K]],
        *,
        rng: np.random.Generator,
        out_of_time: Callable[[], bool],
        give_up: Callable[[], bool] | None = None,
        starting: Callable[[K], None] = lambda key: None,
    ) -> Iterator[tuple[K, Reading]]:
        """Measure what is ready in random order; those measured twice are finished last, so that one record holds both.

        Parameters
        ----------
        ready
            What was prepared, at some expense.
        rng
            Decides the order, and who is measured twice.
        out_of_time
            Asked before each second measurement.
        give_up
            Asked before each first one. Default: ``out_of_time``.
        starting
            Called with the key of what is timed next.

        Raises
        ------
        RuntimeUnavailableError
            When a run fails, as it does when its device disappears.
        """
        if self._config.rounds > 1:
            yield from self._in_rounds(ready, rng=rng, out_of_time=give_up or out_of_time, starting=starting)
            return
        twice = set(rng.permutation(len(ready))[: self._config.repeats_per_chunk].tolist())
        held: list[tuple[Ready[K], Reading]] = []
        order = rng.permutation(len(ready))
        for group in (order[i : i + _GROUP] for i in range(0, len(order), _GROUP)):
            found: dict[int, Reading] = {}
            for i in group.tolist():
                if (give_up or out_of_time)():
                    break
                starting(ready[i].key)
                found[i] = self._read(ready[i])
            for i, first in self._undisturbed(ready, found, out_of_time=out_of_time).items():
                if i in twice or first.spread > self._config.outlier_spread:
                    held.append((ready[i], first))
                else:
                    yield ready[i].key, self._finish(first)
        for one, first in held:
            if out_of_time():
                yield one.key, self._finish(first)
                continue
            starting(one.key)
            again = self._read(one)
            disturbed = first.spread > self._config.outlier_spread and again.spread < first.spread
            kept, other = (again, first) if disturbed else (first, again)
            yield one.key, self._finish(replace(kept, repeat_ms=other.latency_ms))

    def _undisturbed(
        self, ready: Sequence[Ready[K]], found: Mapping[int, Reading], *, out_of_time: Callable[[], bool]
    ) -> dict[int, Reading]:
        """Return the readings; the faster ones of two to four, until the canary was calm before and after them."""
        best = dict(found)
        if self._canary is None and best:
            self._canary = ready[max(best, key=lambda i: best[i].raw_ms)]
        for attempt in range(_RETRIES + 1):
            if not best or out_of_time():
                break
            calm_before, self._calm = self._calm, self._is_calm()
            if (calm_before and self._calm) or attempt == _RETRIES or self._is_too_long():
                break
            begin = self._clock()
            for i in best:
                if out_of_time():
                    break
                best[i] = min(best[i], self._read(ready[i]), key=lambda reading: reading.latency_ms)
            self._again_s += self._clock() - begin
        return best

    def _is_too_long(self) -> bool:
        """Whether a time budget leaves no more time for what was measured already."""
        limited = self._config.time_budget_s is not None
        return limited and self._again_s > _RETRIES_SHARE * (self._clock() - self._began)

    def _is_calm(self) -> bool:
        assert self._canary is not None
        now = self._read(self._canary)
        self._calm_ms = min(self._calm_ms, now.latency_ms)
        return now.latency_ms <= (1 + _DISTURBED + 3 * now.spread) * self._calm_ms

    def _in_rounds(
        self,
        ready: Sequence[Ready[K]],
        *,
        rng: np.random.Generator,
        out_of_time: Callable[[], bool],
        starting: Callable[[K], None],
    ) -> Iterator[tuple[K, Reading]]:
        """Measure everything once a round, in random order; the middle reading of each stays.

        What disturbs the machine for seconds falls on one reading of a subject, not on the result.
        """
        readings: list[list[Reading]] = [[] for _ in ready]
        for _ in range(self._config.rounds):
            for i in rng.permutation(len(ready)):
                if out_of_time():
                    break
                starting(ready[i].key)
                readings[i].append(self._read(ready[i]))
        for one, found in zip(ready, readings, strict=True):
            if found:
                found.sort(key=lambda reading: reading.latency_ms)
                middle = len(found) // 2
                other = found[middle - 1].latency_ms if middle else None
                yield one.key, self._finish(replace(found[middle], repeat_ms=other))

    def _finish(self, reading: Reading) -> Reading:
        finished = replace(reading, order=self._order)
        self._order += 1
        return finished

    def _read(self, ready: Ready[K]) -> Reading:
        timing, reference_ms = self._time(ready)
        drift = reference_ms / self.baseline_ms
        return Reading(
            latency_ms=timing.latency_ms / drift,
            raw_ms=timing.latency_ms,
            spread=timing.spread,
            repeats=timing.repeats,
            drift=drift,
            reference_ms=reference_ms,
            order=self._order,
            measured_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            energy_mj=timing.energy_mj,
        )

    def _time(self, ready: Ready[K]) -> tuple[Timing, float]:
        """Return the timing and the reference around it; once more if the device changed in between."""
        best: tuple[float, Timing, float] | None = None
        for _ in range(2):
            before = self._last
            try:
                timing = measure(
                    ready.executable, ready.example, config=self._config, clock=self._clock, meter=self._meter
                )
                self._last = self._reference.read(self._config, self._clock)
            except NasweaveError:
                raise
            except (RuntimeError, OSError) as error:  # what runtimes raise; ours would be another
                raise RuntimeUnavailableError(
                    f"a run of {ready.key}",
                    expected="a result",
                    got=f"{type(error).__name__}: {reason_of(error)}",
                    remedy="check that the device is still there; the same command continues with what is measured",
                ) from error
            change = abs(math.log(self._last / before))
            if best is None or change < best[0]:
                best = change, timing, math.sqrt(before * self._last)
            if change <= self._config.calm:
                break
        assert best is not None
        return best[1], best[2]
