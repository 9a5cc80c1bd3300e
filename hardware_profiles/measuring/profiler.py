"""The profiler: measures blocks and whole networks, and divides the device's drift out.

Preparing (export, compilation) is kept apart from timing: a chunk of subjects is prepared, then timed in random order
on a :class:`hardware_profiles.measuring.bench.Bench`. Subjects that differ in precision alone share one export. Within
a time budget :mod:`hardware_profiles.measuring.schedule` decides what comes first.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import numpy as np

from hardware_profiles.example import arrays_of, batch_size_of
from hardware_profiles.measurement import Measurement, Subject
from hardware_profiles.measuring.bench import Bench, Ready
from hardware_profiles.measuring.inputs import Build, Earlier, Instruments, ProfileOrigin
from hardware_profiles.measuring.memory import peak_memory_bytes
from hardware_profiles.measuring.noise import noise_floor
from hardware_profiles.measuring.reference import Reference
from hardware_profiles.measuring.schedule import Describe, interleaved, spread_out
from hardware_profiles.measuring.timing import ProfilerConfig
from hardware_profiles.measuring.turns import Turns
from hardware_profiles.profile import Profile
from hardware_profiles.setting import Setting
from search_space import Architecture

__all__ = ["measure_profile"]

log = logging.getLogger("nasweave.hardware_profiles")

_CHUNK_IN_BUDGET = 16
_OVERTIME = 1.25  # of a time budget, to measure what was prepared in it


Progress = Callable[[int, int, str], None]


def measure_profile(
    subjects: Sequence[Subject],
    *,
    origin: ProfileOrigin,
    build: Build,
    config: ProfilerConfig,
    earlier: Earlier | None = None,
    instruments: Instruments | None = None,
    describe: Describe | None = None,
    on_measurement: Callable[[Measurement], None] | None = None,
    progress: Progress | None = None,
) -> Profile:
    """Measure every subject that is not measured yet.

    Parameters
    ----------
    subjects
        Blocks and networks; a repeated one is measured once.
    origin
        Setting, device and space that the profile belongs to.
    build
        Makes the module, example and policy of a subject.
    config
        Precision, caps, time budget, seed.
    earlier
        Measurements to go on from, and the baseline to be comparable with. Default: none.
    instruments
        Runtime, clock and energy meter. Default: the setting's runtime, the system's clock, no meter.
    describe
        Costs of a block, on scales in which distances mean something: decides which blocks a time budget takes first.
    on_measurement
        Called with each measurement as it is finished, for the caller to persist.
    progress
        Called with (measured, total, what happens now).

    Raises
    ------
    RuntimeUnavailableError
        When the runtime is missing or cannot execute a subject.
    ProfileError
        When a time makes no sense.
    """
    instruments = Instruments.of(origin.setting) if instruments is None else instruments
    earlier = Earlier() if earlier is None else earlier
    pending = earlier.missing(subjects)
    instruments.check(pending, setting=origin.setting)
    measurements = list(earlier.measurements)
    if pending:
        session = _Session(
            setting=origin.setting,
            build=build,
            config=config,
            earlier=earlier,
            instruments=instruments,
            describe=describe,
            report=progress or (lambda *_: None),
            total=len(pending) + len(measurements),
            measured=len(measurements),
        )
        for measurement in session.run(pending):
            measurements.append(measurement)
            if on_measurement is not None:
                on_measurement(measurement)
    return Profile(
        device=origin.device,
        setting=origin.setting,
        runtime_version=instruments.runtime.version(),
        space_fingerprint=origin.space_fingerprint,
        created_at=_now(),
        measurements=tuple(measurements),
        noise_floor=noise_floor(measurements, confidence=config.confidence),
        provenance=dict(origin.provenance),
    )


@dataclass(kw_only=True)
class _Session:
    """One call of :func:`measure_profile`: the bench and the clock's start."""

    setting: Setting
    build: Build
    config: ProfilerConfig
    earlier: Earlier
    instruments: Instruments
    describe: Describe | None
    report: Progress
    total: int
    measured: int
    _started: float = 0.0

    def run(self, pending: Sequence[Subject]) -> Iterator[Measurement]:
        runtime, clock, before = self.instruments.runtime, self.instruments.clock, self.measured
        self._started = clock()
        self.report(self.measured, self.total, "reference")
        bench = Bench(
            Reference.compile(runtime, threads=self.setting.threads),
            config=self.config,
            clock=clock,
            baseline_ms=self.earlier.reference_ms,
            next_order=self.earlier.next_order,
            meter=self.instruments.meter,
        )
        rng = np.random.default_rng([self.config.seed, before])
        if self.config.time_budget_s is None:
            waiting = interleaved(pending, rng)
        else:
            waiting = spread_out(pending, rng, describe=self.describe, block_share=self.config.block_share)
        while waiting and (self.measured == before or not self._out_of_time(ready=0)):  # something in any case
            chunk = self._prepare(waiting)
            for subject, reading in bench.chunk(
                chunk,
                rng=rng,
                out_of_time=lambda: self._out_of_time(ready=0),
                give_up=lambda: self.measured > before and self._spent(ready=0) >= _OVERTIME,
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
            runtime=self.instruments.runtime.name,
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
                if batch_size_of(built.example) != self.setting.batch_size:
                    raise ValueError("example and setting differ in batch size")
                if prepared is None:
                    prepared = built.prepared(self.instruments.runtime)
                executable = prepared.compile(
                    policy=built.policy, threads=self.setting.threads, float_precision=subject.float_precision
                )
                chunk.append(Ready(key=subject, executable=executable, example=arrays_of(built.example)))
                stored = (*built.module.parameters(), *built.module.buffers())
                size += sum(t.numel() * t.element_size() for t in stored)
        return chunk

    def _spent(self, *, ready: int) -> float:
        """Return the part of the time budget that is gone once what is ready is measured; 0 without a budget."""
        if self.config.time_budget_s is None:
            return 0.0
        needed = ready * self.config.rounds * (self.config.max_seconds + self.config.reference_seconds)
        return (self.instruments.clock() - self._started + needed) / self.config.time_budget_s

    def _out_of_time(self, *, ready: int) -> bool:
        """Whether the budget leaves no time for more, given subjects that are ready and not yet measured."""
        return self._spent(ready=ready) >= 1


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
