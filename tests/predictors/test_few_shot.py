"""Few samples: known coefficients come back, and averaging follows from the Gaussian formulas written out."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm
from sklearn.base import clone

from predictors.few_shot import FewShotRegressor
from search_space.errors import ProfileError


def networks(rng, n, noise=0.0):
    """Latencies of an overhead, FLOPs and bytes; the other five columns cost nothing."""
    x = np.column_stack([np.ones(n), rng.random((n, 7))])
    y = (x @ np.array([2.0, 5.0, 1.0, 0, 0, 0, 0, 0])) * (1.0 + noise * rng.normal(size=n))
    return x, y


def test_known_coefficients_come_back():
    x, y = networks(np.random.default_rng(0), 30)
    fitted = FewShotRegressor(noises=(1e-4, 1e-3)).fit(x, y)
    np.testing.assert_allclose(fitted.coef_, [2, 5, 1, 0, 0, 0, 0, 0], atol=0.02)


def test_a_dozen_samples_do_better_than_their_mean():
    rng = np.random.default_rng(1)
    x, y = networks(rng, 12, noise=0.02)
    new_x, new_y = networks(rng, 200)
    predicted = FewShotRegressor(groups=[0, 0, 0, 1, 1, 1, 1, 1]).fit(x, y).predict(new_x)
    assert np.abs(predicted / new_y - 1).mean() < 0.2 * np.abs(y.mean() / new_y - 1).mean()


@pytest.mark.parametrize("relative", [True, False])
def test_the_average_is_that_of_the_members_weighed_by_their_density(relative):
    rng = np.random.default_rng(2)
    x, y = networks(rng, 6, noise=0.05)
    spreads, noises = (0.2, 1.0), (0.02, 0.1)
    fitted = FewShotRegressor(
        groups=[0] * 4 + [1] * 4, alternatives=(1, 5), spreads=spreads, noises=noises, relative=relative
    ).fit(x, y)
    unit = np.median(y)
    weights = unit / y if relative else np.ones(6)
    rows, target = x * weights[:, None], y * weights / unit
    density, means, seconds = [], [], []
    for noise in noises:
        for first in spreads:
            for second in spreads:
                for free in (1, 5):
                    prior = np.diag([first**2] * 4 + [second**2] * 4) + np.diag(np.arange(8) == free).astype(float)
                    covariance = rows @ prior @ rows.T + noise**2 * np.eye(6)
                    gain = prior @ rows.T @ np.linalg.inv(covariance)
                    density.append(multivariate_normal(np.zeros(6), covariance).pdf(target))
                    means.append(gain @ target)
                    seconds.append(prior - gain @ rows @ prior + np.outer(means[-1], means[-1]))
    share = np.array(density) / np.sum(density)
    mean = share @ np.array(means)
    np.testing.assert_allclose(fitted.coef_, unit * mean, rtol=2e-3, atol=1e-3)
    second = np.einsum("h,hij->ij", share, np.array(seconds))
    np.testing.assert_allclose(fitted.covariance_, unit**2 * (second - np.outer(mean, mean)), rtol=5e-3, atol=5e-3)
    assert fitted.log_evidence_ == pytest.approx(np.log(np.mean(density)), rel=1e-9)


def test_an_alternative_explains_a_device_that_equals_another():
    rng = np.random.default_rng(3)
    x = rng.random((205, 9)) + 0.5
    y = 7.0 * x[:, 4]
    free = FewShotRegressor(alternatives=range(9)).fit(x[:5], y[:5])
    assert np.abs(free.predict(x[5:]) / y[5:] - 1).mean() < 0.01


def test_intervals_hold_what_they_promise():
    rng = np.random.default_rng(4)
    covered = []
    for _ in range(40):
        x, y = networks(rng, 15, noise=0.05)
        new_x, new_y = networks(rng, 50, noise=0.05)
        fitted = FewShotRegressor(noises=(0.01, 0.02, 0.05, 0.1)).fit(x, y)
        mean, std = fitted.predict(new_x, return_std=True)
        covered.append(np.abs(new_y - mean) < norm.ppf(0.95) * std)
    assert 0.85 < np.mean(covered) < 0.96


def test_times_that_no_clock_shows_are_refused():
    x, y = networks(np.random.default_rng(5), 4)
    for wrong in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(ProfileError, match="positive" if np.isfinite(wrong) else "finite"):
            FewShotRegressor().fit(x, np.append(y[:3], wrong))
    with pytest.raises(ProfileError, match=r"shape \(4,\)"):
        FewShotRegressor().fit(x, y[:3])


def test_it_is_an_estimator():
    model = FewShotRegressor(spreads=(0.1,), relative=False)
    assert clone(model).get_params() == model.get_params()


def test_coefficients_survive_json():
    x, y = networks(np.random.default_rng(6), 10, noise=0.02)
    fitted = FewShotRegressor(relative=False).fit(x, y)
    stored = json.loads(json.dumps(fitted.to_dict(), allow_nan=False))
    read = FewShotRegressor.from_dict(stored)
    np.testing.assert_array_equal(read.predict(x, return_std=True), fitted.predict(x, return_std=True))
    with pytest.raises(ValueError, match="finite numbers"):
        FewShotRegressor.from_dict({**stored, "covariance": stored["covariance"][:-1]})
