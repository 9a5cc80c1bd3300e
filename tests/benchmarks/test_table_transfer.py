"""Transfer of a kernel table to a new device, against a synthetic ratio."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.latency_prediction.table_transfer import KernelTable, TableTransfer

Floats = NDArray[np.float64]


def ratio(x: Floats) -> Floats:
    return np.asarray(-0.3 / (1 + np.exp(-2 * x[:, 0])) + 0.05 * x[:, 1])


def drawn(seed: int, n: int) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 4))
    return x, ratio(x) + 0.02 * rng.normal(size=n)


def test_few_rows_beat_a_constant_and_more_rows_beat_few() -> None:
    test, truth = drawn(1, 1000)
    errors = []
    for n in (20, 150):
        x, y = drawn(0, n)
        model = TableTransfer().fit(x, y, prior=np.zeros(n))
        errors.append(float(np.mean(np.abs(model.predict(test, prior=np.zeros(1000)) - truth))))
    constant = float(np.mean(np.abs(truth - np.median(drawn(0, 20)[1]))))
    assert errors[1] < errors[0] < 0.6 * constant
    # The noise alone is 0.016.
    assert errors[1] < 0.022


def test_a_prior_that_is_right_leaves_only_noise() -> None:
    x, y = drawn(0, 20)
    test, truth = drawn(1, 500)
    with_prior = TableTransfer().fit(x, y, prior=ratio(x)).predict(test, prior=ratio(test))
    without = TableTransfer().fit(x, y, prior=np.zeros(20)).predict(test, prior=np.zeros(500))
    assert np.mean(np.abs(with_prior - truth)) < 0.9 * np.mean(np.abs(without - truth))


def test_intervals_hold_what_they_promise() -> None:
    x, y = drawn(0, 150)
    test, truth = drawn(1, 1000)
    bounds = TableTransfer().fit(x, y, prior=np.zeros(150)).predict_interval(test, prior=np.zeros(1000), coverage=0.9)
    assert 0.82 < np.mean((bounds[:, 0] <= truth) & (truth <= bounds[:, 1])) < 0.98


def test_too_few_kernels_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 5 kernels, got 4"):
        TableTransfer().fit(np.zeros((4, 2)), np.zeros(4), prior=np.zeros(4))


def test_a_table_is_exact_where_it_was_measured_and_follows_the_bound_between() -> None:
    sizes = np.array([[a, b] for a in (64.0, 128.0, 256.0) for b in (64.0, 128.0, 256.0)])
    bound = sizes.prod(axis=1) / 1e4
    table = KernelTable(sizes, latency_ms=2.0 * bound, bound_ms=bound)
    np.testing.assert_allclose(table.predict(sizes, bound_ms=bound), 2.0 * bound)
    between = np.array([[100.0, 100.0]])
    np.testing.assert_allclose(table.predict(between, bound_ms=np.array([1.0])), 2.0)


def test_a_deviation_is_a_kernel_s_own() -> None:
    sizes = np.array([[2.0**i] for i in range(9)])
    bound = np.ones(9)
    latency = np.ones(9)
    latency[4] = 1.5
    deviation = KernelTable(sizes, latency_ms=latency, bound_ms=bound).deviation(
        sizes, latency_ms=latency, bound_ms=bound, neighbours=2
    )
    assert np.argmax(deviation) == 4
    assert deviation[4] == pytest.approx(np.log(1.5))
    assert deviation[0] == pytest.approx(0.0)
