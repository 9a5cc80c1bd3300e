"""A new device from twenty samples of it and the profile of another one, on devices whose truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hardware_profiles import Device, Measurement, Profile, Setting
from predictors import LatencyPredictor
from predictors.new_device import FEWEST_SAMPLES, adapt_profile, choose_samples
from search_space import Architecture
from search_space.errors import ProfileError
from tests.predictors.synthetic import block_ms, network_ms

DEVICE = Device(name="board", cpu_model="Board", cores=2, isa=("neon",), memory_bytes=2**30, os="linux", machine="arm")


def measurement(subject, latency_ms):
    return Measurement(
        subject=subject,
        latency_ms=float(latency_ms),
        raw_ms=float(latency_ms),
        spread=0.01,
        repeats=9,
        drift=1.0,
        reference_ms=1.0,
        order=0,
        measured_at="2026-01-01T00:00:00+00:00",
    )


def profile_of(space, subjects, *, truth):
    return Profile(
        device=DEVICE,
        setting=Setting(runtime="onnxruntime"),
        runtime_version="1",
        space_fingerprint=space.fingerprint,
        created_at="2026-01-01T00:00:00+00:00",
        measurements=tuple(measurement(s, truth(s)) for s in subjects),
        noise_floor=0.01,
    )


@pytest.fixture
def devices(space):
    """The known device, and one that is 2.5 times as slow, and again by half in one mixer, with dearer calls."""
    slow = np.array([1.5 if b.key == space.mixer[-1] else 1.0 for b in space.blocks])
    blocks = np.array([block_ms(space, b) for b in space.blocks])

    def known(subject):
        return (
            network_ms(space, space.encode([subject]))[0] if isinstance(subject, Architecture) else of(blocks, subject)
        )

    def new(subject):
        if not isinstance(subject, Architecture):
            return 2.5 * of(blocks * slow, subject) + 0.004
        ids = space.block_ids(space.encode([subject]))[0]
        ids = ids[ids >= 0]
        return 2.5 * (known(subject) + (blocks * (slow - 1))[ids].sum()) + 0.004 * len(ids)

    def of(table, block):
        return float(table[space.blocks.index(block)])

    return known, new


@pytest.fixture
def networks(space):
    return space.decode(space.sample_genes(np.random.default_rng(0), 60))


def adapted(space, devices, networks, *, count=20):
    known, new = devices
    source = profile_of(space, [*space.blocks, *networks[:30]], truth=known)
    samples = profile_of(space, choose_samples(space, networks, count=count), truth=new)
    return samples, adapt_profile(space, known=source, samples=samples)


def test_the_samples_are_blocks_and_networks_far_apart(space, networks):
    chosen = choose_samples(space, networks, count=20)
    assert len(set(chosen)) == 20 and sum(isinstance(s, Architecture) for s in chosen) == 15
    assert chosen == choose_samples(space, networks, count=20)
    keys = {s.key for s in chosen if not isinstance(s, Architecture)}
    assert len(keys) >= 3, "blocks of several kinds"


def test_every_block_is_there_and_says_whether_it_was_measured(space, devices, networks):
    samples, profile = adapted(space, devices, networks)
    assert set(profile.blocks) == set(space.blocks)
    assert profile.measured == samples.measurements
    predicted = [m for m in profile.measurements if m.predicted_std is not None]
    assert len(predicted) == len(space.blocks) - len(samples.blocks) and all(m.repeats == 0 for m in predicted)
    assert "blocks predicted" in profile.provenance["adapted"] and profile.baseline_ms == samples.baseline_ms
    assert Profile.from_dict(profile.to_dict(), where="here") == profile


def test_it_is_nearer_than_the_known_device_times_one_factor(space, devices, networks):
    known, new = devices
    _, profile = adapted(space, devices, networks)
    rest = space.decode(space.sample_genes(np.random.default_rng(7), 200))
    truth = np.array([new(a) for a in rest])
    predictor = LatencyPredictor(space).fit(profile)
    mean, (low, high) = predictor.predict(space.encode(rest)), predictor.predict_interval(space.encode(rest)).T
    other = np.array([known(a) for a in rest])
    factor = np.median([new(a) / known(a) for a, _ in profile.networks])
    assert np.abs(mean / truth - 1).mean() < 0.6 * np.abs(factor * other / truth - 1).mean()
    assert np.mean((low <= truth) & (truth <= high)) > 0.8
    assert predictor.residual_.measured_blocks == 5 and predictor.residual_.networks == 15


def test_predicted_blocks_are_about_as_far_off_as_they_say(space, devices, networks):
    _, new = devices
    _, profile = adapted(space, devices, networks)
    predicted = [m for m in profile.blocks.values() if m.predicted_std is not None]
    off = np.array([m.latency_ms / new(m.subject) - 1 for m in predicted]) / [m.predicted_std for m in predicted]
    assert np.mean(np.abs(off) < 2) > 0.75


def test_fewer_samples_give_wider_intervals(space, devices, networks):
    genes = space.encode(networks[40:])
    widths = []
    for count in (FEWEST_SAMPLES, 40):
        low, high = (
            LatencyPredictor(space).fit(adapted(space, devices, networks, count=count)[1]).predict_interval(genes).T
        )
        widths.append(np.median(high / low))
    assert widths[0] > widths[1] > 1


def test_too_few_samples_are_refused(space, devices, networks):
    known, new = devices
    source = profile_of(space, space.blocks, truth=known)
    for count, candidates in ((FEWEST_SAMPLES - 1, networks), (20, networks[:10])):
        with pytest.raises(ProfileError, match=r"profile.samples"):
            choose_samples(space, candidates, count=count)
    with pytest.raises(ProfileError, match="networks of this space"):
        adapt_profile(space, known=source, samples=profile_of(space, space.blocks[:5], truth=new))
    with pytest.raises(ProfileError, match="none of them of this space"):
        adapt_profile(
            space, known=replace(source, measurements=()), samples=profile_of(space, networks[:15], truth=new)
        )
