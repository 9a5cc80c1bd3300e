"""The latency of one executable: warm-up, inner loops above the clock's resolution, repeats until the median is known.

Disturbances only ever add time, so the latency is a low quantile of the samples: of those that ``benchmarks.noise``
compares, that of 5 % is among the least different in another session, quiet or not, and the median the most.

The confidence interval of the median comes from order statistics, so it assumes no distribution: latencies are skewed
and have tails. With n sorted samples, (x_k, x_{n+1-k}) covers the median with probability 1 - 2 P(Bin(n, 1/2) < k).

Papers: Hoefler & Belli 2015 (Scientific Benchmarking of Parallel Computing Systems); Le Boudec 2010 (Performance
Evaluation, section 2.2).
"""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from search_space.errors import ConfigError, ProfileError

if TYPE_CHECKING:  # a bundle carries this module to devices that have numpy alone
    from hardware_profiles.example import Arrays
    from hardware_profiles.measuring.energy import EnergyMeter
    from hardware_profiles.runtime import Executable

__all__ = ["Clock", "ProfilerConfig", "Timing", "measure", "median_interval"]

Clock = Callable[[], float]
_MAX_WARMUP_RUNS = 1000
_ABSURD_MS = 3_600_000.0
_JUMP = 1000.0  # times the usual duration, and more than a second: the clock jumped or the machine slept
_MAX_JUMPS = 3
_QUANTILE = 0.05


@dataclass(frozen=True, kw_only=True, slots=True)
class ProfilerConfig:
    """How carefully to measure.

    Parameters
    ----------
    precision
        Repeat until the relative half-width of the median's confidence interval is below this.
    confidence
        Coverage of that interval.
    warmup_s
        Time of the runs before the first sample.
    sample_s
        Shortest time of one sample; faster models run several times in it.
    max_seconds
        Time after which a subject's samples end, precise or not.
    min_repeats
        Samples that are taken in any case.
    reference_seconds
        Time cap of one measurement of the drift reference.
    calm
        Relative change of the reference during a measurement above which it is taken once more.
    chunk_subjects, chunk_bytes
        How many executables, and bytes of their weights, are held ready at a time.
    repeats_per_chunk
        Subjects of a chunk that are measured twice, for the noise floor.
    rounds
        How often a chunk is gone through; with more than one, every subject's middle measurement stays.
    outlier_spread
        Relative half-width from which a finished measurement counts as disturbed: it is taken again at the end of its
        chunk, and the calmer of the two stays.
    time_budget_s
        Time after which no further subject is begun; ``None`` measures all.
    block_share
        Share of the time budget after which whole networks have their turn, though blocks be left.
    memory
        Whether the peak memory of whole networks is measured, each in a process of its own.
    seed
        Seed of the order.
    """

    precision: float = 0.01
    confidence: float = 0.95
    warmup_s: float = 0.01
    sample_s: float = 0.001
    max_seconds: float = 0.15
    min_repeats: int = 10
    reference_seconds: float = 0.015
    calm: float = 0.1
    chunk_subjects: int = 48
    chunk_bytes: int = 512 * 2**20
    repeats_per_chunk: int = 3
    rounds: int = 1
    outlier_spread: float = 0.1
    time_budget_s: float | None = None
    block_share: float = 0.6
    memory: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        positive = ("precision", "warmup_s", "sample_s", "max_seconds", "reference_seconds", "calm", "outlier_spread")
        for name in (*positive, "min_repeats", "chunk_subjects", "chunk_bytes", "rounds"):
            if not getattr(self, name) > 0:
                raise ConfigError(
                    f"profile.{name}", expected="a positive number", got=repr(getattr(self, name)), remedy="correct it"
                )
        if not 0 < self.confidence < 1:
            raise ConfigError(
                "profile.confidence", expected="a number in (0, 1)", got=repr(self.confidence), remedy="correct it"
            )
        if not 0 < self.block_share <= 1:
            raise ConfigError(
                "profile.block_share", expected="a number in (0, 1]", got=repr(self.block_share), remedy="correct it"
            )
        if self.time_budget_s is not None and not self.time_budget_s > 0:
            raise ConfigError(
                "profile.time_budget_s",
                expected="a positive number of seconds or nothing",
                got=repr(self.time_budget_s),
                remedy="correct it",
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class Timing:
    """Latency of one run, the relative uncertainty of the median, and how they were found.

    ``energy_mj`` is the mean energy of one run in millijoules, ``None`` without a meter; ``jumps`` the samples that
    were dropped because the clock jumped.
    """

    latency_ms: float
    spread: float
    repeats: int
    inner_loops: int
    energy_mj: float | None = None
    jumps: int = 0


def measure(
    executable: Executable,
    example: Arrays,
    *,
    config: ProfilerConfig,
    clock: Clock = time.perf_counter,
    meter: EnergyMeter | None = None,
) -> Timing:
    """Time an executable on one batch.

    Parameters
    ----------
    executable
        What to run, compiled for a fixed number of threads.
    example
        The batch, ``(B, ...)``; of a step, several arrays by name.
    config
        Precision and caps.
    clock
        Returns seconds.
    meter
        Counts energy where it can be read.

    Raises
    ------
    ProfileError
        When a time is not positive, or longer than an hour, or the clock jumps again and again.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        try:
            estimate = _warm_up(executable, example, config.warmup_s, clock)
        except ProfileError:  # the clock may have jumped this once
            estimate = _warm_up(executable, example, config.warmup_s, clock)
        loops = max(1, math.ceil(config.sample_s / estimate))
        samples: list[float] = []
        jumps, energy = 0, 0.0 if meter is None else meter.read_mj()
        start, check_at = clock(), config.min_repeats
        while True:
            before = clock()
            for _ in range(loops):
                executable.run(example)
            after = clock()
            sample = (after - before) / loops * 1e3
            if not 0 < sample < max(_JUMP * estimate * 1e3, 1e3 / loops):
                jumps += 1
                start += after - before  # what a jump added is no time spent
                if jumps > _MAX_JUMPS:
                    raise ProfileError(
                        "clock",
                        expected=f"runs of about {estimate * 1e3:.3g} ms",
                        got=f"{jumps} jumps, the last of {sample:.3g} ms",
                        remedy="keep the machine awake, leave its clock alone and measure again",
                    )
                continue
            samples.append(sample)
            if len(samples) >= check_at:
                _, spread = median_interval(samples, config.confidence)
                if spread <= config.precision or after - start >= config.max_seconds:
                    used = 0.0 if meter is None else (meter.read_mj() - energy) / (loops * (len(samples) + jumps))
                    return Timing(
                        latency_ms=float(np.quantile(samples, _QUANTILE)),
                        spread=spread,
                        repeats=len(samples),
                        inner_loops=loops,
                        energy_mj=used if used > 0 else None,
                        jumps=jumps,
                    )
                # Each look costs a sort, so the looks grow rarer.
                check_at = len(samples) + max(2, len(samples) // 8)
    finally:
        if collecting:
            gc.enable()


def median_interval(samples: Sequence[float], confidence: float) -> tuple[float, float]:
    """Return the median and the relative half-width of its confidence interval from order statistics."""
    ordered = sorted(samples)
    n = len(ordered)
    rank = _rank(n, confidence)
    median = (ordered[(n - 1) // 2] + ordered[n // 2]) / 2
    return median, (ordered[n - 1 - rank] - ordered[rank]) / 2 / median


@lru_cache(maxsize=4096)
def _rank(n: int, confidence: float) -> int:
    """Return the largest k (from 0) such that the k-th smallest and k-th largest of n enclose the median.

    Where even the extremes do not reach the confidence (n < 6 for 95 %) they are what there is.
    """
    tail, k = 0.0, 0
    while True:
        tail += math.exp(math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) - n * math.log(2))
        if 2 * tail > 1 - confidence:
            return max(k - 1, 0)
        k += 1


def _warm_up(executable: Executable, example: Arrays, warmup_s: float, clock: Clock) -> float:
    """Run for a while; return the seconds of one run, the first one left out where there is another."""
    start = clock()
    executable.run(example)
    first = clock()
    now, runs = first, 0
    while now - start < warmup_s and runs < _MAX_WARMUP_RUNS:
        executable.run(example)
        now, runs = clock(), runs + 1
    seconds = (now - first) / runs if runs else first - start
    _sane(seconds * 1e3)
    return seconds


def _sane(milliseconds: float) -> float:
    if not 0 < milliseconds < _ABSURD_MS:
        raise ProfileError(
            "latency",
            expected="a time between zero and an hour",
            got=f"{milliseconds!r} ms",
            remedy="check the machine's clock and measure again",
        )
    return milliseconds
