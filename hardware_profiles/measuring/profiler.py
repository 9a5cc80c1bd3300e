"""The profiler: measures blocks and whole networks, and divides the device's drift out.

Preparing (export, compilation) is kept apart from timing: a chunk of subjects is prepared, then timed in random order
on a :class:`hardware_profiles.measuring.bench.Bench`. Subjects that differ in precision alone share one export. Within
a time budget :mod:`hardware_profiles.measuring.schedule` decides what comes first.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from hardware_profiles.device import Device
from hardware_profiles.measurement import Measurement, Subject
from hardware_profiles.measuring.bench import Bench, Ready
from hardware_profiles.measuring.energy import EnergyMeter
from hardware_profiles.measuring.memory import peak_memory_bytes
from hardware_profiles.measuring.noise import noise_floor
from hardware_profiles.measuring.reference import Reference
from hardware_profiles.measuring.schedule import Describe, interleaved, spread_out
from hardware_profiles.measuring.timing import Clock, ProfilerConfig
from hardware_profiles.measuring.turns import Turns
from hardware_profiles.profile import Profile
from hardware_profiles.runtime import RUNTIMES, Runtime
from hardware_profiles.setting import Setting
from search_space import Architecture
from search_space.errors import ProfileError, RuntimeUnavailableError

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["Build", "Built", "measure_profile"]

log = logging.getLogger("nasweave.hardware_profiles")

_CHUNK_IN_BUDGET = 16
_OVERTIME = 1.25  # of a time budget, to measure what was prepared in it


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
    describe: Describe | None = None,
    provenance: Mapping[str, str] | None = None,
    runtime: Runtime | None = None,
    clock: Clock = time.perf_counter,
    meter: EnergyMeter | None = None,
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
    describe
        Costs of a block, on scales in which distances mean something: decides which blocks a time budget takes first.
    provenance
        What the profile says of how it came about.
    runtime, clock
        Default: the setting's runtime and the system's clock.
    meter
        Counts energy where it can be read.

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
            describe=describe,
            meter=meter,
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
        provenance=dict(provenance or {}),
    )


@dataclass(kw_only=True)
class _Session:
    """One call of :func:`measure_profile`: the bench and the clock's start."""

    setting: Setting
    build: Build
    config: ProfilerConfig
    runtime: Runtime
    clock: Clock
    report: Progress
    describe: Describe | None
    meter: EnergyMeter | None
    total: int
    measured: int
    next_order: int
    baseline_ms: float | None
    _started: float = 0.0

    def run(self, pending: Sequence[Subject], done: Sequence[Measurement]) -> Iterator[Measurement]:
        self._started = self.clock()
        self.report(self.measured, self.total, "reference")
        bench = Bench(
            Reference.compile(self.runtime, threads=self.setting.threads),
            config=self.config,
            clock=self.clock,
            baseline_ms=self.baseline_ms,
            next_order=self.next_order,
            meter=self.meter,
        )
        rng = np.random.default_rng([self.config.seed, len(done)])
        if self.config.time_budget_s is None:
            waiting = interleaved(pending, rng)
        else:
            waiting = spread_out(pending, rng, describe=self.describe, block_share=self.config.block_share)
        while waiting and (self.measured == len(done) or not self._out_of_time(ready=0)):  # something in any case
            chunk = self._prepare(waiting)
            for subject, reading in bench.chunk(
                chunk,
                rng=rng,
                out_of_time=lambda: self._out_of_time(ready=0),
                give_up=lambda: self.measured > len(done) and self._spent(ready=0) >= _OVERTIME,
                starting=self._starting,
            ):
                self.measured += 1
                memory = self._memory(next(r for r in chunk if r.key == subject))
                yield Measurement(subject=subject, peak_memory_bytes=memory, **asdict(reading))
        if self.measured < self.total:
            log.info("time budget used up after %d of %d subjects", self.measured, self.total)

    def _starting(self, subject: Subject) -> None:
        self.report(self.measured, self.total, str(subject))

    def _memory(self, ready: Ready[Subject]) -> float | None:
        if not (self.config.memory and isinstance(ready.key, Architecture)):
            return None
        return peak_memory_bytes(
            ready.executable,
            ready.example,
            runtime=self.runtime.name,
            threads=self.setting.threads,
            float_precision=ready.key.float_precision,
        )

    def _prepare(self, waiting: Turns[Subject]) -> list[Ready[Subject]]:
        """Take groups until the chunk is full or the time left is needed to measure it."""
        chunk: list[Ready[Subject]] = []
        size = 0
        limit = self.config.chunk_subjects
        if self.config.time_budget_s is not None:  # a short time is shared out in small pieces
            limit = min(limit, _CHUNK_IN_BUDGET)
        while waiting and len(chunk) < limit and size < self.config.chunk_bytes:
            if chunk and self._out_of_time(ready=len(chunk)):
                break
            group = waiting.take(spent=self._spent(ready=len(chunk)))
            self.report(self.measured, self.total, f"preparing {group[0].in_float()}")
            prepared = None
            for subject in group:
                built = self.build(subject)
                assert built.example.shape[0] == self.setting.batch_size, "example and setting differ in batch size"
                if prepared is None:
                    prepared = self.runtime.prepare(built.module, built.example)
                executable = prepared.compile(
                    policy=built.policy, threads=self.setting.threads, float_precision=subject.float_precision
                )
                chunk.append(Ready(key=subject, executable=executable, example=built.example.numpy()))
                stored = (*built.module.parameters(), *built.module.buffers())
                size += sum(t.numel() * t.element_size() for t in stored)
        return chunk

    def _spent(self, *, ready: int) -> float:
        """Return the part of the time budget that is gone once what is ready is measured; 0 without a budget."""
        if self.config.time_budget_s is None:
            return 0.0
        needed = ready * (self.config.max_seconds + self.config.reference_seconds)
        return (self.clock() - self._started + needed) / self.config.time_budget_s

    def _out_of_time(self, *, ready: int) -> bool:
        """Whether the budget leaves no time for more, given subjects that are ready and not yet measured."""
        return self._spent(ready=ready) >= 1


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
