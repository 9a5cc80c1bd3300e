"""The profiler: measures blocks and whole networks in shuffled order, and divides the device's drift out.

Preparing (export, compilation) is kept apart from timing: a chunk of subjects is prepared, then timed. Subjects that
differ in precision alone share one export. Between two subjects a fixed reference is timed; its change since the start
is what the device itself did (clock speed, neighbours), and latencies are divided by it. Some subjects of a chunk are
timed a second time at its end, which tells the noise floor.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hardware_profiles.device import Device
from hardware_profiles.device_profile import Profile
from hardware_profiles.measurement import Measurement, Subject
from hardware_profiles.noise import noise_floor
from hardware_profiles.reference import Reference
from hardware_profiles.runtime import RUNTIMES, Executable, Runtime
from hardware_profiles.schedule import interleaved
from hardware_profiles.setting import Setting
from hardware_profiles.timing import Clock, ProfilerConfig, Timing, measure
from search_space.errors import ProfileError, RuntimeUnavailableError

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["Build", "Built", "measure_profile"]

log = logging.getLogger("nasweave.hardware_profiles")

_BASELINE_READINGS = 15


@dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    """A subject ready to be compiled.

    Parameters
    ----------
    module
        In evaluation mode, in float.
    example
        An input of the setting's batch size, ``(B, ...)``.
    policy
        Precision by module path of its linear layers.
    """

    module: nn.Module
    example: Tensor
    policy: Mapping[str, str]


Build = Callable[[Subject], Built]
Progress = Callable[[int, int, str], None]
_Ready = tuple[Subject, Executable, NDArray[np.float32]]


def measure_profile(
    subjects: Sequence[Subject],
    *,
    setting: Setting,
    device: Device,
    space_fingerprint: str,
    build: Build,
    config: ProfilerConfig,
    done: Sequence[Measurement] = (),
    baseline_ms: float | None = None,
    on_measurement: Callable[[Measurement], None] | None = None,
    progress: Progress | None = None,
    runtime: Runtime | None = None,
    clock: Clock = time.perf_counter,
) -> Profile:
    """Measure every subject that is not done yet.

    Parameters
    ----------
    subjects
        Blocks and networks; a repeated one is measured once.
    setting, device, space_fingerprint
        What the profile belongs to.
    build
        Makes the module, example and policy of a subject.
    config
        Precision, caps, time budget, seed.
    done
        Measurements of an earlier, interrupted call with the same setting; they are kept and not repeated.
    baseline_ms
        Latency of the reference that drift is relative to, in milliseconds: :attr:`Profile.baseline_ms` of the profile
        that these latencies shall be comparable with. Default: that of ``done``, or else the one measured now.
    on_measurement
        Called with each measurement as it is finished, for the caller to persist.
    progress
        Called with (measured, total, what happens now).
    runtime, clock
        Default: the setting's runtime and the system's clock.

    Raises
    ------
    RuntimeUnavailableError
        When the runtime is missing or cannot execute a subject.
    ProfileError
        When a time, or the baseline, makes no sense.
    """
    runtime = RUNTIMES[setting.runtime] if runtime is None else runtime
    reason = runtime.unavailable()
    if reason is not None:
        raise RuntimeUnavailableError(
            "setting.runtime", expected="an installed runtime", got=setting.runtime, remedy=reason
        )
    if baseline_ms is not None and not (math.isfinite(baseline_ms) and baseline_ms > 0):
        raise ProfileError(
            "baseline_ms",
            expected="a positive finite number of milliseconds",
            got=repr(baseline_ms),
            remedy="give the baseline of a profile, or none",
        )
    known = {m.subject for m in done}
    pending = [s for s in dict.fromkeys(subjects) if s not in known]
    for subject in pending:
        _check_float_precision(subject, runtime)
    measurements = list(done)
    if pending:
        session = _Session(
            setting=setting,
            build=build,
            config=config,
            runtime=runtime,
            clock=clock,
            report=progress or (lambda *_: None),
            total=len(pending) + len(done),
            measured=len(done),
            next_order=max((m.order for m in done), default=-1) + 1,
            # A resumed profile keeps the baseline it began with, or its halves would not be comparable.
            baseline_ms=done[-1].baseline_ms if baseline_ms is None and done else baseline_ms,
        )
        for measurement in session.run(pending, done):
            measurements.append(measurement)
            if on_measurement is not None:
                on_measurement(measurement)
    return Profile(
        device=device,
        setting=setting,
        runtime_version=runtime.version(),
        space_fingerprint=space_fingerprint,
        created_at=_now(),
        measurements=tuple(measurements),
        noise_floor=noise_floor(measurements, confidence=config.confidence),
    )


@dataclass(kw_only=True)
class _Session:
    """One call of :func:`measure_profile`: the reference, the readings and the clock's start."""

    setting: Setting
    build: Build
    config: ProfilerConfig
    runtime: Runtime
    clock: Clock
    report: Progress
    total: int
    measured: int
    next_order: int
    baseline_ms: float | None
    _started: float = 0.0
    _baseline: float = 0.0
    _last: float = 0.0
    _reference: Reference = field(init=False)

    def run(self, pending: Sequence[Subject], done: Sequence[Measurement]) -> Iterator[Measurement]:
        self._started = self.clock()
        self.report(self.measured, self.total, "reference")
        self._reference = Reference.compile(self.runtime, threads=self.setting.threads)
        readings = [self._reference.read(self.config, self.clock) for _ in range(_BASELINE_READINGS)]
        self._last = readings[-1]
        self._baseline = float(np.median(readings)) if self.baseline_ms is None else self.baseline_ms
        rng = np.random.default_rng([self.config.seed, len(done)])
        waiting = interleaved(pending, rng)
        while waiting and not self._out_of_time(ready=0):
            yield from self._chunk(self._prepare(waiting), rng)
        if self.measured < self.total:
            log.info("time budget used up after %d of %d subjects", self.measured, self.total)

    def _chunk(self, chunk: list[_Ready], rng: np.random.Generator) -> Iterator[Measurement]:
        """Measure what is ready; those to be measured twice are finished last, so that one record holds both."""
        twice = set(rng.permutation(len(chunk))[: self.config.repeats_per_chunk].tolist())
        held: list[tuple[_Ready, Measurement]] = []
        for i in rng.permutation(len(chunk)):
            if self._out_of_time(ready=0):
                break
            first = self._measure(chunk[i])
            if i in twice:
                held.append((chunk[i], first))
            else:
                yield self._finish(first)
        for ready, first in held:
            again = None if self._out_of_time(ready=0) else self._measure(ready).latency_ms
            yield self._finish(replace(first, repeat_ms=again))

    def _prepare(self, waiting: list[list[Subject]]) -> list[_Ready]:
        """Take groups from the front until the chunk is full or the time left is needed to measure it."""
        chunk: list[_Ready] = []
        size = 0
        while waiting and len(chunk) < self.config.chunk_subjects and size < self.config.chunk_bytes:
            if chunk and self._out_of_time(ready=len(chunk)):
                break
            group = waiting.pop(0)
            self.report(self.measured, self.total, f"preparing {group[0].in_float()}")
            prepared = None
            for subject in group:
                built = self.build(subject)
                assert built.example.shape[0] == self.setting.batch_size, "example and setting differ in batch size"
                if prepared is None:
                    prepared = self.runtime.prepare(built.module, built.example)
                executable = prepared.compile(policy=built.policy, threads=self.setting.threads)
                chunk.append((subject, executable, built.example.numpy()))
                size += sum(p.numel() * p.element_size() for p in built.module.parameters())
        return chunk

    def _time(self, executable: Executable, example: NDArray[np.float32]) -> tuple[Timing, float]:
        """Return the timing and the reference around it; once more if the device changed in between."""
        best: tuple[float, Timing, float] | None = None
        for _ in range(2):
            before = self._last
            timing = measure(executable, example, config=self.config, clock=self.clock)
            self._last = self._reference.read(self.config, self.clock)
            change = abs(math.log(self._last / before))
            if best is None or change < best[0]:
                best = change, timing, math.sqrt(before * self._last)
            if change <= self.config.calm:
                break
        assert best is not None
        return best[1], best[2]

    def _measure(self, ready: _Ready) -> Measurement:
        subject, executable, example = ready
        self.report(self.measured, self.total, str(subject))
        timing, reference_ms = self._time(executable, example)
        drift = reference_ms / self._baseline
        return Measurement(
            subject=subject,
            latency_ms=timing.median_ms / drift,
            raw_ms=timing.median_ms,
            spread=timing.spread,
            repeats=timing.repeats,
            drift=drift,
            reference_ms=reference_ms,
            order=self.next_order,
            measured_at=_now(),
        )

    def _finish(self, measurement: Measurement) -> Measurement:
        finished = replace(measurement, order=self.next_order)
        self.next_order += 1
        self.measured += 1
        return finished

    def _out_of_time(self, *, ready: int) -> bool:
        """Whether the budget leaves no time for more, given subjects that are ready and not yet measured."""
        if self.config.time_budget_s is None:
            return False
        needed = ready * (self.config.max_seconds + self.config.reference_seconds)
        return self.clock() - self._started + needed >= self.config.time_budget_s


def _check_float_precision(subject: Subject, runtime: Runtime) -> None:
    if subject.float_precision not in runtime.float_precisions:
        raise RuntimeUnavailableError(
            f"float_precision of {subject}",
            expected=f"one of {', '.join(sorted(runtime.float_precisions))} on {runtime.name}",
            got=subject.float_precision,
            remedy="choose another float precision or runtime",
        )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
