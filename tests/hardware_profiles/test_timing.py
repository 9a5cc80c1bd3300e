"""Timing: the statistics against independent references, the loop against a clock that we control."""

import gc
import itertools
import math
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import binom, norm

from hardware_profiles import ProfilerConfig, measure
from hardware_profiles.measuring.timing import median_interval
from search_space.errors import ConfigError, ProfileError

BATCH = np.zeros((1, 2), np.float32)


class FakeMachine:
    """A clock in seconds and an executable that moves it by the next of its durations."""

    def __init__(self, durations_s):
        self.now, self.runs, self.durations_s = 0.0, 0, itertools.cycle(durations_s)

    def clock(self):
        return self.now

    def run(self, batch):
        self.now += next(self.durations_s)
        self.runs += 1
        return batch


@pytest.mark.parametrize("n", [6, 9, 20, 33, 100, 499])
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_interval_is_the_narrowest_pair_of_order_statistics_that_covers(n, confidence):
    _, spread = median_interval(list(range(1, n + 1)), confidence)
    half_width = spread * (n + 1) / 2
    low = (n + 1) / 2 - half_width  # 1-based rank of the lower end
    assert low == int(low)
    if low > 1:
        assert 1 - 2 * binom.cdf(low - 1, n, 0.5) >= confidence
    assert 1 - 2 * binom.cdf(low, n, 0.5) < confidence


def test_interval_covers_the_median_of_a_skewed_distribution():
    rng = np.random.default_rng(0)
    hits = 0
    for sample in rng.lognormal(0.0, 0.7, (2000, 25)):
        median, spread = median_interval(sample.tolist(), 0.95)
        ordered = np.sort(sample)
        width = 2 * spread * median
        low = next(ordered[k] for k in range(12) if math.isclose(ordered[24 - k] - ordered[k], width))
        hits += low <= 1.0 <= low + width
    assert 0.945 <= hits / 2000 <= 0.985


def test_median_of_even_and_odd_counts():
    assert median_interval([3.0, 1.0, 2.0], 0.95)[0] == 2.0
    assert median_interval([4.0, 1.0, 2.0, 3.0], 0.95)[0] == 2.5


def test_steady_model_stops_at_the_fewest_repeats():
    machine = FakeMachine([0.002])
    timing = measure(machine, BATCH, config=ProfilerConfig(min_repeats=10), clock=machine.clock)
    assert timing.repeats == 10
    assert timing.latency_ms == pytest.approx(2.0)
    assert timing.spread == pytest.approx(0.0, abs=1e-9)


def test_noisy_model_is_repeated_until_precise_or_capped():
    durations = np.random.default_rng(0).lognormal(np.log(0.002), 0.1, 997)
    machine = FakeMachine(durations)
    precise = measure(machine, BATCH, config=ProfilerConfig(precision=0.02, max_seconds=1e9), clock=machine.clock)
    assert precise.repeats > 20 and precise.spread <= 0.02
    assert precise.latency_ms == pytest.approx(2.0 * math.exp(-0.1 * norm.ppf(0.95)), rel=0.04)
    machine = FakeMachine(durations)
    capped = measure(machine, BATCH, config=ProfilerConfig(precision=1e-6, max_seconds=0.1), clock=machine.clock)
    assert capped.spread > 1e-6
    assert machine.now < 0.1 * 1.3


def test_fast_model_runs_in_loops_above_the_clocks_resolution():
    machine = FakeMachine([10e-6])
    coarse = lambda: math.floor(machine.now / 100e-6) * 100e-6  # noqa: E731
    timing = measure(machine, BATCH, config=ProfilerConfig(sample_s=0.02), clock=coarse)
    assert timing.inner_loops == pytest.approx(2000, rel=0.05)
    assert timing.latency_ms == pytest.approx(0.01, rel=0.02)


def test_slow_first_run_is_no_sample():
    machine = FakeMachine([1.0] + [0.001] * 100_000)
    timing = measure(machine, BATCH, config=ProfilerConfig(), clock=machine.clock)
    assert timing.latency_ms == pytest.approx(1.0)


@pytest.mark.parametrize("durations", [[0.0], [-0.001], [4e3], [math.nan]])
def test_absurd_times_raise(durations):
    machine = FakeMachine(durations)
    with pytest.raises(ProfileError, match="between zero and an hour"):
        measure(machine, BATCH, config=ProfilerConfig(), clock=machine.clock)


class JumpingMachine(FakeMachine):
    """Its clock is set by so many seconds before some of its runs."""

    def __init__(self, durations_s, jumps):
        super().__init__(durations_s)
        self.jumps = dict(jumps)

    def run(self, batch):
        self.now += self.jumps.pop(self.runs, 0.0)
        return super().run(batch)


@pytest.mark.parametrize("jump", [-3600.0, 5000.0])
@pytest.mark.parametrize("when", [0, 3, 10])
def test_a_clock_that_jumps_once_costs_one_sample(jump, when):
    machine = JumpingMachine([0.002], {when: jump})
    config = ProfilerConfig(precision=1e-9, max_seconds=0.1)
    timing = measure(machine, BATCH, config=config, clock=machine.clock)
    assert timing.latency_ms == pytest.approx(2.0) and timing.spread == pytest.approx(0.0, abs=1e-6)
    assert timing.repeats >= 10 and timing.jumps == (when > 6)


def test_a_clock_that_keeps_jumping_is_refused():
    machine = JumpingMachine([0.002], {n: -50.0 for n in range(8, 40)})
    with pytest.raises(ProfileError, match="clock: expected runs of about 2 ms, got 4 jumps"):
        measure(machine, BATCH, config=ProfilerConfig(), clock=machine.clock)


def test_energy_is_that_of_one_run():
    machine = FakeMachine([0.0001])
    meter = SimpleNamespace(read_mj=lambda: 7.0 + 0.25 * machine.runs)
    timing = measure(machine, BATCH, config=ProfilerConfig(), clock=machine.clock, meter=meter)
    assert timing.inner_loops > 1 and timing.energy_mj == pytest.approx(0.25)
    standing = SimpleNamespace(read_mj=lambda: 7.0)
    assert measure(machine, BATCH, config=ProfilerConfig(), clock=machine.clock, meter=standing).energy_mj is None
    assert measure(machine, BATCH, config=ProfilerConfig(), clock=machine.clock).energy_mj is None


def test_garbage_collection_is_off_while_timing_and_restored():
    machine = FakeMachine([0.001])
    states = set()
    run = machine.run
    machine.run = lambda batch: (states.add(gc.isenabled()), run(batch))[1]
    assert gc.isenabled()
    measure(machine, BATCH, config=ProfilerConfig(), clock=machine.clock)
    assert states == {False} and gc.isenabled()


@pytest.mark.parametrize(
    "wrong",
    [
        {"precision": 0.0},
        {"min_repeats": 0},
        {"confidence": 1.0},
        {"time_budget_s": -1.0},
        {"chunk_bytes": 0},
        {"block_share": 0.0},
    ],
)
def test_senseless_settings_are_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        ProfilerConfig(**wrong)
