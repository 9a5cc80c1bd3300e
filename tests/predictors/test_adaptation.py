"""A new device from five samples: of the kind of known ones, and unlike all of them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from predictors.adaptation import DeviceAdapter
from predictors.few_shot import FewShotRegressor
from search_space.errors import ProfileError


@pytest.fixture
def fleet():
    """Terms of 300 networks and eight devices: overhead, FLOPs and bytes in each one's proportions."""
    rng = np.random.default_rng(0)
    terms = np.column_stack([np.ones(300), rng.random((300, 5))])
    speeds = np.exp(rng.normal(0.0, 0.5, (6, 9)))
    speeds[4:] *= 0.05
    return terms, terms @ speeds


def error(predicted, measured):
    return np.abs(predicted / measured - 1).mean()


@pytest.mark.parametrize("learned", [True, False])
def test_known_devices_help(fleet, learned):
    terms, latency = fleet
    known, new = latency[:, :8], latency[:, 8]
    rows = np.column_stack([known, terms])
    adapter = DeviceAdapter(num_known=8, learned=learned).fit(rows[:5], new[:5], pool=rows)
    alone = FewShotRegressor().fit(terms[:5], new[:5])
    adapted = error(adapter.predict(rows[5:]), new[5:])
    assert adapted < 0.5 * error(alone.predict(terms[5:]), new[5:])
    # Not merely the best single known device, scaled.
    scaled = [error(known[5:, k] * np.median(new[:5] / known[:5, k]), new[5:]) for k in range(8)]
    assert adapted < min(scaled)


def test_the_device_that_equals_a_known_one_is_recognised(fleet):
    terms, latency = fleet
    rows = np.column_stack([latency, terms])
    adapter = DeviceAdapter(num_known=9).fit(rows[:3], 4.0 * latency[:3, 6], pool=rows)
    np.testing.assert_allclose(adapter.predict(rows), 4.0 * latency[:, 6], rtol=0.02)


def test_a_device_unlike_all_others_is_met_by_its_terms(fleet):
    terms, latency = fleet
    new = 3.0 * terms[:, 5] + 0.1
    rows = np.column_stack([latency, terms])
    adapter = DeviceAdapter(num_known=9, learned=False).fit(rows[:10], new[:10], pool=rows)
    assert error(adapter.predict(rows[10:]), new[10:]) < 0.03


def test_the_usual_correction_is_what_other_devices_do_not_explain(fleet):
    terms = fleet[0]
    rng = np.random.default_rng(1)
    # Every device has an effect of its own in the last term; the others are shared in proportion.
    base = terms[:, :5] @ np.ones(5)
    own = base[:, None] + terms[:, 5:] * rng.normal(0.0, 1.0, 8)
    rows = np.column_stack([np.outer(base, np.arange(1.0, 9.0)), terms])
    shared = DeviceAdapter(num_known=8).fit(rows[:5], base[:5], pool=rows)
    assert shared.scale_.max() < 0.02
    rows = np.column_stack([own[:, :2], terms])
    alone = DeviceAdapter(num_known=2).fit(rows[:5], base[:5], pool=rows)
    assert alone.scale_.argmax() == 5


def test_the_spread_shrinks_with_samples(fleet):
    terms, latency = fleet
    rows = np.column_stack([latency[:, :8], terms])
    adapter = DeviceAdapter(num_known=8)
    few, many = (
        adapter.fit(rows[:n], latency[:n, 8], pool=rows).predict(rows, return_std=True)[1].mean() for n in (3, 40)
    )
    assert many < 0.5 * few


def test_unfitted_says_so(fleet):
    terms, latency = fleet
    with pytest.raises(NotFittedError):
        DeviceAdapter(num_known=9).predict(np.column_stack([latency, terms]))


def test_rows_without_known_latencies_are_refused(fleet):
    terms, latency = fleet
    for known in (0, 7, 9):
        with pytest.raises(ProfileError, match="known devices"):
            DeviceAdapter(num_known=known).fit(-terms[:9], latency[:9, 8])


def test_coefficients_survive_json(fleet):
    terms, latency = fleet
    rows = np.column_stack([latency[:, :8], terms])
    adapter = DeviceAdapter(num_known=8, relative=False).fit(rows[:9], latency[:9, 8], pool=rows)
    stored = json.loads(json.dumps(adapter.to_dict(), allow_nan=False))
    read = DeviceAdapter.from_dict(stored)
    np.testing.assert_array_equal(read.predict(rows, return_std=True), adapter.predict(rows, return_std=True))
    with pytest.raises(ValueError, match="does not fit the devices"):
        DeviceAdapter.from_dict({**stored, "scale": stored["scale"][:-1]})
