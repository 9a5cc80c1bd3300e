"""A factor of 1,000 in the latencies is refused, whichever way; honest devices are not."""

from dataclasses import replace

import pytest

from hardware_profiles import Device, Measurement, Profile, Setting
from hardware_profiles.measuring.plausibility import check_same_unit, check_some_blocks, check_units
from search_space import Block
from search_space.errors import ProfileError

CPU = Device(name="cpu", cpu_model="cpu", cores=2, isa=(), memory_bytes=2**30, os="linux", machine="x86_64")
BLOCKS = {Block(kind="mixer", key="softmax", embed_dim=16 * n, num_heads=2): 1e6 * n for n in range(1, 6)}


def profile(rate, *, device=CPU, threads=1):
    """Return a profile of a device that does ``rate`` operations a second, and much less for the small blocks."""
    rows = [
        Measurement(
            subject=block,
            latency_ms=1e3 * flops / rate * (3 if i < 3 else 1),
            raw_ms=1.0,
            spread=0.01,
            repeats=10,
            drift=1.0,
            reference_ms=0.1,
            order=i,
            measured_at="2026-11-22T10:00:00+00:00",
        )
        for i, (block, flops) in enumerate(BLOCKS.items())
    ]
    return Profile(
        device=device,
        setting=Setting(runtime="onnxruntime", threads=threads),
        runtime_version="1",
        space_fingerprint="x",
        created_at="2026-11-22T10:00:00+00:00",
        measurements=tuple(rows),
        noise_floor=0.01,
    )


@pytest.mark.parametrize("rate", [1.5e9, 2e10, 2e11])
def test_cores_from_small_to_large_are_believed_and_their_other_units_are_not(rate):
    check_units(profile(rate), flops=BLOCKS.__getitem__)
    with pytest.raises(ProfileError, match="microseconds were taken for milliseconds"):
        check_units(profile(rate / 1e4), flops=BLOCKS.__getitem__)
    with pytest.raises(ProfileError, match="seconds were taken for milliseconds"):
        check_units(profile(max(rate, 2e9) * 1e3), flops=BLOCKS.__getitem__)


def test_threads_and_accelerators_raise_the_limit():
    with pytest.raises(ProfileError):
        check_units(profile(4e12), flops=BLOCKS.__getitem__)
    check_units(profile(4e12, threads=16), flops=BLOCKS.__getitem__)
    check_units(profile(4e14, device=replace(CPU, accelerator="H200")), flops=BLOCKS.__getitem__)


def test_blocks_that_only_cost_their_call_are_believed():
    tiny = dict.fromkeys(BLOCKS, 5e3)
    calls = profile(1e10)
    calls = replace(calls, measurements=tuple(replace(m, latency_ms=0.06) for m in calls.measurements))
    check_units(calls, flops=tiny.__getitem__)
    microseconds = replace(calls, measurements=tuple(replace(m, latency_ms=60.0) for m in calls.measurements))
    with pytest.raises(ProfileError, match="milliseconds, so at best"):
        check_units(microseconds, flops=tiny.__getitem__)


def test_nothing_measured_says_nothing():
    check_units(replace(profile(1e9), measurements=()), flops=BLOCKS.__getitem__)


@pytest.mark.parametrize("factor", [1e4, 1e7])
def test_one_latency_far_from_the_others_is_refused(factor):
    honest = profile(2e10)
    first, *others = honest.measurements
    odd = replace(honest, measurements=(replace(first, latency_ms=first.latency_ms * factor), *others))
    with pytest.raises(ProfileError, match="as the others take"):
        check_units(odd, flops=BLOCKS.__getitem__)


def test_a_profile_of_hardly_any_block_is_refused():
    honest = profile(2e10)
    check_some_blocks(honest, blocks=100)
    check_some_blocks(replace(honest, measurements=honest.measurements[:1]), blocks=1)
    for count in (0, 1, 2):
        with pytest.raises(ProfileError, match=f"3 blocks or more of 100, got {count}"):
            check_some_blocks(replace(honest, measurements=honest.measurements[:count]), blocks=100)


def test_the_same_subjects_a_thousand_times_slower_are_another_unit():
    known = {block: 0.5 for block in BLOCKS}
    check_same_unit({block: 5.0 for block in BLOCKS}, known, what="results")
    check_same_unit({}, known, what="results")
    for factor in (1e3, 1e-3):
        with pytest.raises(ProfileError, match="another unit"):
            check_same_unit({block: 0.5 * factor for block in BLOCKS}, known, what="results")
