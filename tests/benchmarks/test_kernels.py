"""Zero-shot prediction of kernels, against synthetic devices whose times are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.latency_prediction.kernels import GemmPredictor, Gemms, StreamPredictor, Streams
from benchmarks.latency_prediction.roofline import SpecSheet, roofline_ms, transfer_log_ratio

Floats = NDArray[np.float64]


def sheet(name: str, *, bandwidth: float, flops: float, cores: int = 80) -> SpecSheet:
    # A clock that makes every core 64 lanes wide.
    return SpecSheet(
        name=name,
        bandwidth=bandwidth,
        flops=flops,
        vector_flops=flops,
        cores=cores,
        clock_hz=flops / (2 * 64 * cores),
    )


def products(rng: np.random.Generator, n: int) -> Gemms:
    sizes = np.round(2.0 ** rng.uniform(6, 12, (3, n)))
    return Gemms(batch=np.ones(n), m=sizes[0], n=sizes[1], k=sizes[2])


def true_ms(gemms: Gemms, device: SpecSheet, *, slowdown: float) -> Floats:
    """The documented bound, written anew: compute at 64 lanes, on-chip at half of it, memory."""
    compute = 2 * gemms.m * gemms.n * gemms.k / device.flops
    memory = 4 * (gemms.m * gemms.k + gemms.n * gemms.k + gemms.m * gemms.n) / device.bandwidth
    return np.asarray(1e3 * slowdown * np.sqrt(1.25 * compute**2 + memory**2))


SLOW = sheet("slow", bandwidth=3e11, flops=8e12, cores=40)
MIDDLE = sheet("middle", bandwidth=9e11, flops=14e12)
FAST = sheet("fast", bandwidth=16e11, flops=20e12, cores=108)


def fitted(slowdown: float = 1.4) -> GemmPredictor:
    rng = np.random.default_rng(0)
    measured = []
    for device in (SLOW, MIDDLE, FAST):
        gemms = products(rng, 600)
        measured.append((device, gemms, true_ms(gemms, device, slowdown=slowdown)))
    return GemmPredictor().fit(measured)


def test_an_unseen_device_of_equal_efficiency_is_recovered() -> None:
    unseen = sheet("unseen", bandwidth=33e11, flops=60e12, cores=132)
    gemms = products(np.random.default_rng(1), 200)
    truth = true_ms(gemms, unseen, slowdown=1.4)
    predicted = fitted().predict(gemms, sheet=unseen)
    long = truth > 0.05
    assert np.median(np.abs(predicted[long] / truth[long] - 1)) < 0.03


def test_a_known_device_is_predicted_from_itself_alone() -> None:
    rng = np.random.default_rng(2)
    measured = []
    for device, slowdown in ((SLOW, 3.0), (MIDDLE, 1.2), (FAST, 1.2)):
        gemms = products(rng, 600)
        measured.append((device, gemms, true_ms(gemms, device, slowdown=slowdown)))
    model = GemmPredictor().fit(measured)
    gemms = products(rng, 200)
    ratio = model.predict(gemms, sheet=SLOW) / true_ms(gemms, SLOW, slowdown=3.0)
    assert abs(np.median(ratio) - 1) < 0.03


def test_an_unseen_device_is_like_those_of_near_bandwidth() -> None:
    rng = np.random.default_rng(3)
    measured = []
    for device, slowdown in ((SLOW, 3.0), (FAST, 1.2)):
        gemms = products(rng, 600)
        measured.append((device, gemms, true_ms(gemms, device, slowdown=slowdown)))
    model = GemmPredictor().fit(measured)
    gemms = products(rng, 200)
    card = sheet("card", bandwidth=2.8e11, flops=30e12)
    server = sheet("server", bandwidth=20e11, flops=30e12)
    assert np.median(model.predict(gemms, sheet=card) / true_ms(gemms, card, slowdown=1.0)) == pytest.approx(
        3.0, rel=0.1
    )
    assert np.median(model.predict(gemms, sheet=server) / true_ms(gemms, server, slowdown=1.0)) == pytest.approx(
        1.2, rel=0.1
    )
    # Devices that differ threefold make a wide interval, those that agree a narrower one.
    assert model.interval_factor(0.9) > fitted().interval_factor(0.9) > 1.0


def test_a_launch_is_added_to_every_kernel() -> None:
    gemms = products(np.random.default_rng(4), 5)
    model = fitted()
    np.testing.assert_allclose(
        model.predict(gemms, sheet=FAST, launch_ms=0.5) - model.predict(gemms, sheet=FAST), 0.5, rtol=1e-9
    )


def test_streams_recover_launch_bandwidth_and_penalties() -> None:
    rng = np.random.default_rng(5)
    moved = rng.uniform(1e7, 1e9, 300)
    width = rng.choice([513.0, 512.0, 2048.0, 4095.0], 300)
    streams = Streams(bytes_moved=moved, width=width)
    measured = []
    for device in (SLOW, FAST):
        rate = 1.2 + 0.1 * (width % 4 > 0) + 0.4 * (width > 1024)
        measured.append((device, streams, 0.02 + 1e3 * moved / device.bandwidth * rate))
    model = StreamPredictor().fit(measured)
    np.testing.assert_allclose(model.rates_, [[0.02, 1.2, 0.1, 0.4]] * 2, rtol=1e-6)
    unseen = sheet("unseen", bandwidth=33e11, flops=60e12)
    one = Streams(bytes_moved=np.array([33e8]), width=np.array([512.0]))
    assert model.predict(one, sheet=unseen, launch_ms=0.01)[0] == pytest.approx(1.2 * 1.0 + 0.01)


def test_roofline_is_the_longer_of_both() -> None:
    device = sheet("d", bandwidth=1e12, flops=1e13)
    result = roofline_ms(flops=np.array([1e10, 1e7]), bytes_moved=np.array([1e6, 1e9]), sheet=device)
    np.testing.assert_allclose(result, [1.0, 1.0])


def test_only_the_share_that_memory_explains_shrinks_with_bandwidth() -> None:
    source, target = sheet("s", bandwidth=1e12, flops=1e13), sheet("t", bandwidth=2e12, flops=1e13)
    log_ratio = transfer_log_ratio(
        flops=np.array([1e3, 1e10, 1e3]),
        bytes_moved=np.array([1e9, 1e3, 1e3]),
        source_ms=np.array([1.0, 1.0, 1.0]),
        source=source,
        target=target,
    )
    assert log_ratio[0] == pytest.approx(math.log(0.5))
    np.testing.assert_allclose(log_ratio[1:], 0.0, atol=1e-6)


@pytest.mark.parametrize("bandwidth", [0.0, -1.0, math.nan])
def test_a_sheet_without_a_rate_is_refused(bandwidth: float) -> None:
    with pytest.raises(ValueError, match="bandwidth: expected a positive rate"):
        sheet("d", bandwidth=bandwidth, flops=1e13)
