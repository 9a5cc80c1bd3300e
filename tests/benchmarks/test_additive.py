"""Additive terms against linear programming, against spells of another mode, and against a machine that drifts."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.optimize import linprog

from benchmarks.latency_prediction.additive import AdditiveRegressor


def test_the_relative_error_is_the_least_there_is():
    rng = np.random.default_rng(0)
    x = np.column_stack([np.ones(40), rng.random((40, 3))])
    y = x @ [1.0, 4.0, 2.0, 3.0] * np.exp(0.1 * rng.standard_t(2, size=40))
    rows = x / y[:, None]
    # Least absolute deviations as a linear programme: minimise the sum of up and down with rows b + up - down = 1.
    cost = np.concatenate([np.zeros(8), np.ones(80)])
    equal = np.column_stack([rows, -rows, np.eye(40), -np.eye(40)])
    least = linprog(cost, A_eq=equal, b_eq=np.ones(40)).fun
    fitted = AdditiveRegressor(penalty=1e-9, iterations=60).fit(x, y)
    assert np.abs(fitted.predict(x) / y - 1).sum() == pytest.approx(least, rel=2e-3)


def test_each_width_recovers_its_own_costs_though_a_fifth_ran_in_another_mode():
    rng = np.random.default_rng(1)
    width = rng.choice([192.0, 384.0, 768.0], 600)
    counts = rng.integers(0, 5, (600, 3)).astype(float)
    costs = {192.0: [1.0, 0.2, 0.4], 384.0: [2.0, 0.3, 0.5], 768.0: [9.0, 0.4, 3.0]}
    y = np.array([10 + counts[i] @ costs[width[i]] for i in range(600)])
    x = np.column_stack([width, counts])
    slow = rng.random(600) < 0.2
    fitted = AdditiveRegressor(by=0).fit(x, np.where(slow, 1.3 * y, y))
    np.testing.assert_allclose(fitted.predict(x), y, rtol=2e-3)
    np.testing.assert_allclose(fitted.coef_[:, 1:], [costs[v] for v in (192.0, 384.0, 768.0)], atol=0.02)
    # A width between takes the nearest one's coefficients.
    between = np.array([[700.0, 1.0, 0.0, 0.0]])
    assert fitted.predict(between)[0] == pytest.approx(fitted.coef_[2] @ between[0])


def test_drift_is_divided_out_of_what_is_learned_from():
    rng = np.random.default_rng(2)
    x = np.column_stack([np.ones(400), rng.random((400, 5))])
    y = x @ [1.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    time = rng.permutation(400)
    drift = 1.0 + 0.3 * np.sin(time / 40.0)
    without = AdditiveRegressor().fit(x, y * drift).predict(x)
    fitted = AdditiveRegressor().fit(x, y * drift, time=time)
    error = np.abs(fitted.predict(x) / y / np.median(fitted.predict(x) / y) - 1).mean()
    assert error < 0.2 * np.abs(without / y / np.median(without / y) - 1).mean()
    assert np.corrcoef(fitted.drift_, drift)[0, 1] > 0.99


def test_coefficients_survive_json():
    rng = np.random.default_rng(3)
    x = np.column_stack([rng.choice([1.0, 2.0], 60), rng.random((60, 3))])
    fitted = AdditiveRegressor(by=0).fit(x, 1.0 + x.sum(axis=1))
    stored = json.loads(json.dumps(fitted.to_dict(), allow_nan=False))
    np.testing.assert_array_equal(AdditiveRegressor.from_dict(stored).predict(x), fitted.predict(x))
    with pytest.raises(ValueError, match="coefficients for 1 values"):
        AdditiveRegressor.from_dict({**stored, "values": stored["values"][:1]})
