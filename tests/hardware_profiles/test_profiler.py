"""The profiler on a steady or drifting machine: scale, noise floor, order, resuming, budgets, refusals."""

import json
from dataclasses import replace

import numpy as np
import pytest

from hardware_profiles import Measurement, ProfilerConfig
from search_space import Architecture
from search_space.errors import ProfileError, RuntimeUnavailableError
from tests.hardware_profiles.fake_machine import (
    BLOCKS,
    NETWORKS,
    REFERENCE_S,
    SETTING,
    SUBJECTS,
    FakeRuntime,
    run,
    true_ms,
)

pytestmark = pytest.mark.usefixtures("subjects_travel_in_the_policy")


def test_steady_machine_gives_the_true_latencies():
    result = run(FakeRuntime())
    assert {m.subject for m in result.measurements} == set(SUBJECTS)
    for m in result.measurements:
        assert m.latency_ms == pytest.approx(true_ms(m.subject), rel=1e-6)
        assert m.drift == pytest.approx(1.0)
    assert result.noise_floor == pytest.approx(0.0, abs=1e-6)
    assert set(result.blocks) == set(BLOCKS) and dict(result.networks).keys() == set(NETWORKS)
    assert (result.runtime_version, result.space_fingerprint, result.setting) == ("1+g1", "space", SETTING)


def test_drift_is_divided_out():
    runtime = FakeRuntime(drift_per_s=0.1)
    result = run(runtime)
    assert runtime.drift() > 1.3
    scale = result.measurements[0].latency_ms / true_ms(result.measurements[0].subject)
    assert 1.0 <= scale < 1.05  # the machine as it was when the baseline was read
    for m in result.measurements:
        # The 5 % quantile is of a reading's begin, the references are of both its ends.
        early = 0.45 * 0.1 * m.repeats * max(m.raw_ms, 1.0) / 1e3 / runtime.drift()
        assert m.latency_ms == pytest.approx(scale * true_ms(m.subject) * (1 - early), rel=0.01)
        assert m.latency_ms * m.drift == pytest.approx(m.raw_ms)
    worst = max(m.raw_ms / true_ms(m.subject) for m in result.measurements)
    assert worst > 1.25


def test_noise_floor_is_the_noise_of_a_median():
    quiet, loud = (run(FakeRuntime(noise=n), config=ProfilerConfig(precision=1e-9)).noise_floor for n in (0.01, 0.1))
    assert 0 < quiet < 0.01
    assert quiet < loud < 0.1


def independent_floor(measurements):
    changes = np.log([m.repeat_ms / m.latency_ms for m in measurements if m.repeat_ms is not None])
    return 1.4826 * np.median(np.abs(changes)) / np.sqrt(2)


def test_some_of_each_chunk_are_measured_twice():
    result = run(FakeRuntime(noise=0.05), config=ProfilerConfig(chunk_subjects=10, repeats_per_chunk=2))
    twice = [m for m in result.measurements if m.repeat_ms is not None]
    assert 2 * len(SUBJECTS) // 13 <= len(twice) <= 2 * len(SUBJECTS) // 10 + 2  # groups of three may overshoot a chunk
    assert all(m.repeat_ms == pytest.approx(m.latency_ms, rel=0.2) and m.repeat_ms != m.latency_ms for m in twice)
    assert result.noise_floor == pytest.approx(independent_floor(result.measurements))


def test_noise_floor_of_a_resumed_profile_counts_the_repeats_of_both_halves():
    runtime, kept = FakeRuntime(noise=0.05), []
    config = ProfilerConfig(chunk_subjects=8, repeats_per_chunk=2)

    class Killed(Exception):
        pass

    def persist(measurement):
        kept.append(measurement)
        if len(kept) == 24:
            raise Killed

    with pytest.raises(Killed):
        run(runtime, config=config, on_measurement=persist)
    kept = [Measurement.from_dict(json.loads(json.dumps(m.to_dict()))) for m in kept]
    result = run(runtime, config=config, done=kept)
    halves = result.measurements[:24], result.measurements[24:]
    assert all(any(m.repeat_ms is not None for m in half) for half in halves)
    assert result.noise_floor == pytest.approx(independent_floor(result.measurements))
    assert result.noise_floor != pytest.approx(independent_floor(halves[1]))
    assert run(FakeRuntime(), config=config, done=result.measurements).noise_floor == result.noise_floor


def test_without_repeats_the_floor_is_the_standard_deviation_of_a_median():
    config = ProfilerConfig(repeats_per_chunk=0)
    result = run(FakeRuntime(noise=0.05), config=config)
    assert all(m.repeat_ms is None for m in result.measurements)
    assert result.noise_floor == pytest.approx(np.median([m.spread for m in result.measurements]) / 1.96, rel=1e-3)


def test_order_is_shuffled_and_reproducible():
    def order(seed):
        return [m.subject for m in run(FakeRuntime(), config=ProfilerConfig(seed=seed)).measurements]

    first = order(0)
    assert first == order(0)
    assert first != order(1)
    assert first != SUBJECTS
    result = run(FakeRuntime())
    assert [m.order for m in result.measurements] == list(range(len(SUBJECTS)))


def test_any_beginning_holds_blocks_and_networks_in_proportion():
    config = ProfilerConfig(chunk_subjects=4)
    beginning = [m.subject for m in run(FakeRuntime(), config=config).measurements][:20]
    networks = sum(isinstance(s, Architecture) for s in beginning)
    assert 3 <= networks <= 7


def test_precisions_of_a_block_share_one_export():
    runtime = FakeRuntime()
    run(runtime)
    assert len(runtime.prepared) == 1 + 10 + len(NETWORKS)  # the reference, ten widths, the networks


def test_resumed_profile_repeats_nothing_and_keeps_its_scale():
    runtime = FakeRuntime(drift_per_s=0.1)
    kept = []

    class Killed(Exception):
        pass

    def persist(measurement):
        kept.append(measurement)
        if len(kept) == 15:
            raise Killed

    with pytest.raises(Killed):
        run(runtime, on_measurement=persist)
    runtime.measured.clear()
    runtime.now += 2.0  # the machine is slower by now
    fresh = []
    result = run(runtime, done=kept, on_measurement=fresh.append)
    assert len(fresh) == len(SUBJECTS) - 15
    assert not {m.subject for m in kept} & set(runtime.measured)
    assert list(result.measurements) == kept + fresh
    assert sorted(m.order for m in result.measurements) == list(range(len(SUBJECTS)))
    scales = [m.latency_ms / true_ms(m.subject) for m in result.measurements]
    assert max(scales) / min(scales) < 1.02


def test_given_baseline_gives_latencies_of_the_other_profile_s_scale():
    runtime = FakeRuntime(drift_per_s=0.1)
    first = run(runtime, subjects=BLOCKS)
    assert first.baseline_ms == pytest.approx(REFERENCE_S * 1e3, rel=0.02)
    runtime.now += 5.0  # half as fast again
    alone = run(runtime, subjects=NETWORKS)
    later = run(runtime, subjects=NETWORKS, baseline_ms=first.baseline_ms)
    assert later.baseline_ms == pytest.approx(first.baseline_ms)
    scale = first.measurements[0].latency_ms / true_ms(first.measurements[0].subject)
    for m in later.measurements:
        assert m.latency_ms == pytest.approx(scale * true_ms(m.subject), rel=0.02)
    assert alone.measurements[0].latency_ms > 1.3 * true_ms(alone.measurements[0].subject)
    # It also wins over the baseline of what is done.
    resumed = run(runtime, subjects=SUBJECTS, done=alone.measurements, baseline_ms=first.baseline_ms)
    assert resumed.baseline_ms == pytest.approx(first.baseline_ms)


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan")])
def test_impossible_baseline_is_refused(value):
    with pytest.raises(ProfileError, match="baseline_ms"):
        run(FakeRuntime(), baseline_ms=value)


def test_finished_profile_touches_no_runtime():
    done = run(FakeRuntime()).measurements
    runtime = FakeRuntime()
    assert run(runtime, done=done).measurements == done
    assert not runtime.prepared


def test_time_budget_ends_the_profile_early_with_all_kinds():
    runtime = FakeRuntime()
    result = run(runtime, config=ProfilerConfig(time_budget_s=1.5, chunk_subjects=6))
    assert runtime.now < 2.5
    assert 8 < len(result.measurements) < len(SUBJECTS)
    assert result.blocks and result.networks
    assert {m.subject for m in result.measurements} == set(runtime.measured)  # nothing that was timed is lost


def test_a_small_budget_takes_blocks_of_every_kind_then_networks():
    runtime = FakeRuntime()
    config = ProfilerConfig(time_budget_s=3.0, chunk_subjects=6, block_share=0.5)
    result = run(runtime, config=config, describe=lambda s: (np.log(s.embed_dim),))
    order = [m.subject for m in result.measurements]
    assert len(result.networks) > 3 and 6 < len(result.blocks) < len(BLOCKS)
    assert {16, 160} <= {s.embed_dim for s in result.blocks}
    # What is left is measured by a second call, and nothing twice.
    runtime.measured.clear()
    whole = run(runtime, done=result.measurements)
    assert {m.subject for m in whole.measurements} == set(SUBJECTS) and not set(order) & set(runtime.measured)


def test_what_was_prepared_within_the_budget_is_measured():
    """Preparing took all of the time, as an export can; there are measurements all the same."""

    class Slow(FakeRuntime):
        def prepare(self, module, example):
            self.now += 4.0
            return super().prepare(module, example)

    result = run(Slow(), config=ProfilerConfig(time_budget_s=10.0))
    assert 1 <= len(result.measurements) <= 9


def test_energy_and_provenance_stand_in_the_profile():
    class Meter:
        def read_mj(self):
            return 2.0 * runtime.now  # two milliwatts

    runtime = FakeRuntime()
    result = run(runtime, meter=Meter(), provenance={"task": "test"})
    assert result.provenance == {"task": "test"}
    for m in result.measurements:
        assert m.energy_mj == pytest.approx(2.0 * true_ms(m.subject) / 1e3, rel=1e-6)


def test_progress_counts_and_names_the_phases():
    seen = []
    run(FakeRuntime(), progress=lambda done, total, message: seen.append((done, total, message)))
    assert {total for _, total, _ in seen} == {len(SUBJECTS)}
    counts = [done for done, _, _ in seen]
    assert counts == sorted(counts) and counts[-1] == len(SUBJECTS) - 1
    assert any(message.startswith("preparing") for _, _, message in seen)


def test_repeated_subjects_are_measured_once():
    assert len(run(FakeRuntime(), subjects=[BLOCKS[0], BLOCKS[0]]).measurements) == 1


def test_backward_clock_raises():
    runtime = FakeRuntime(drift_per_s=-1e6)
    with pytest.raises(ProfileError, match=r"latency|clock"):
        run(runtime)


def test_missing_runtime_says_what_to_install():
    with pytest.raises(RuntimeUnavailableError, match="pip install thing"):
        run(FakeRuntime(why_not="pip install thing"))


def test_float_precision_that_the_runtime_lacks_is_refused_before_any_work():
    runtime = FakeRuntime()
    with pytest.raises(RuntimeUnavailableError, match="bf16"):
        run(runtime, subjects=[BLOCKS[0], replace(BLOCKS[1], float_precision="bf16")])
    assert not runtime.prepared
