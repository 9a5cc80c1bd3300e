"""The closed form against refitting without each row, and against the normal equations."""

from __future__ import annotations

import numpy as np
import pytest

from predictors.ridge import Ridge, RidgePath, huber_weights


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(12, 5)) @ rng.normal(size=(5, 5)) + 3.0
    return x, x @ rng.normal(size=5) + rng.normal(size=12) - 7.0


def solve(x, y, penalty, weights):
    """Ridge with an unpenalised intercept, from the augmented normal equations."""
    design = np.column_stack([np.ones(len(x)), x])
    penalties = np.diag([0.0, *[penalty] * x.shape[1]])
    return np.linalg.solve(design.T @ (weights[:, None] * design) + penalties, design.T @ (weights * y))


@pytest.mark.parametrize("index", [0, 8, 20, 32])
def test_coefficients_and_leverages_solve_the_normal_equations(data, index):
    x, y = data
    weights = np.linspace(0.5, 1.5, len(y))
    path = RidgePath(x, weights=weights)
    ridge = path.fit(y, index)
    theta = solve(x, y, path.penalties[index], weights)
    np.testing.assert_allclose(ridge.coefficients, theta[1:], rtol=1e-6, atol=1e-9)
    new = np.random.default_rng(1).normal(size=(4, 5))
    np.testing.assert_allclose(ridge.predict(new), theta[0] + new @ theta[1:], rtol=1e-6)
    centred = x - weights @ x / weights.sum()
    inverse = np.linalg.inv(centred.T @ (weights[:, None] * centred) + path.penalties[index] * np.eye(5))
    offset = new - weights @ x / weights.sum()
    expected = 1 / weights.sum() + np.einsum("ij,jk,ik->i", offset, inverse, offset)
    np.testing.assert_allclose(ridge.leverage(new), expected, rtol=1e-5)


@pytest.mark.parametrize("index", [4, 16, 30])
def test_leave_one_out_equals_refitting_without_the_row(data, index):
    x, y = data
    path = RidgePath(x)
    errors = path.leave_one_out(y)[:, index]
    for i in range(len(y)):
        rest = np.arange(len(y)) != i
        theta = solve(x[rest], y[rest], path.penalties[index], np.ones(rest.sum()))
        assert errors[i] == pytest.approx(y[i] - theta[0] - x[i] @ theta[1:], rel=1e-6)


def test_a_row_of_double_weight_counts_as_two_rows(data):
    x, y = data
    twice = RidgePath(np.concatenate([x, x[:1]]), penalties=[0.5 * 13 / 13])
    # Weights are relative: twelve rows of mean weight 1 stand for twelve, so the penalty shrinks with them.
    weights = np.where(np.arange(12) == 0, 2.0, 1.0)
    once = RidgePath(x, weights=weights, penalties=[0.5 * 12 / 13])
    new = np.random.default_rng(2).normal(size=(3, 5))
    np.testing.assert_allclose(once.fit(y, 0).predict(new), twice.fit(np.append(y, y[0]), 0).predict(new), rtol=1e-9)


def test_rows_that_are_far_off_weigh_less_and_exact_fits_weigh_all():
    errors = np.concatenate([np.random.default_rng(0).normal(0, 1, 200), [8.0, -16.0]])
    weights = huber_weights(errors)
    assert (weights[:200] == 1).mean() > 0.75 and weights[200] == 2 * weights[201] < 0.25
    np.testing.assert_array_equal(huber_weights(np.array([0.0, 0.0, 0.0, 5.0])), 1)


def test_the_unit_of_a_column_does_not_matter_when_scaled(data):
    x, y = data
    units = np.array([1.0, 1e3, 1e-3, 7.0, 1.0])
    plain, other = RidgePath(x, scale=True), RidgePath(x * units, scale=True)
    np.testing.assert_allclose(plain.fit(y, 16).predict(x), other.fit(y, 16).predict(x * units), rtol=1e-9)


def test_noise_alone_keeps_the_mean_and_a_signal_does_not():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(40, 6))
    path = RidgePath(x)
    assert sum(not np.isfinite(path.penalties[path.choose(rng.normal(size=40))]) for _ in range(20)) >= 16
    assert np.isfinite(path.penalties[path.choose(x[:, 0] + 0.1 * rng.normal(size=40))])


def test_constant_columns_are_harmless():
    path = RidgePath(np.full((5, 3), 2.0), scale=True)
    ridge = path.fit(np.arange(5.0), 0)
    assert ridge.predict(np.zeros((2, 3))).tolist() == [2.0, 2.0]
    assert ridge.leverage(np.zeros((2, 3))).tolist() == [0.2, 0.2]


def test_sizes_that_contradict_each_other_are_refused(data):
    x, y = data
    content = RidgePath(x).fit(y, 3).to_dict()
    content["coefficients"] = content["coefficients"][:-1]
    with pytest.raises(ValueError, match="contradict"):
        Ridge.from_dict(content)


def test_coefficients_that_are_not_finite_are_refused(data):
    x, y = data
    content = RidgePath(x).fit(y, 3).to_dict()
    content["coefficients"][0] = float("nan")
    with pytest.raises(ValueError, match="not finite"):
        Ridge.from_dict(content)
