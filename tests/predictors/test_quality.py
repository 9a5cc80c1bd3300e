"""The quality surrogate on functions whose truth is known."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.exceptions import NotFittedError

from predictors import QualityPredictor
from predictors.target_transform import TargetTransform, candidate_transforms
from search_space import features
from search_space.errors import ProfileError
from search_space.features import totals_columns
from tests.predictors.synthetic import error_percent


@pytest.fixture(scope="module")
def population(space):
    return space.sample_genes(np.random.default_rng(99), 800)


def fitted(space, n, *, seed=0, noise=0.3):
    rng = np.random.default_rng(seed)
    genes = space.sample_genes(rng, n)
    return QualityPredictor(space).fit(genes, error_percent(space, genes) + noise * rng.standard_normal(n))


@pytest.mark.parametrize(("n", "least"), [(10, 0.45), (30, 0.8), (100, 0.93), (400, 0.96)])
def test_it_ranks_networks_it_never_saw(space, population, n, least):
    truth = error_percent(space, population)
    ranks = [spearmanr(fitted(space, n, seed=seed).predict(population), truth).statistic for seed in range(5)]
    assert np.mean(ranks) > least


def test_it_beats_a_straight_line_on_an_error_that_saturates(space, population):
    rng = np.random.default_rng(0)
    genes = space.sample_genes(rng, 200)
    truth = error_percent(space, population)
    design = np.column_stack([np.ones(len(genes)), features(space, genes)])
    line = np.linalg.lstsq(design, error_percent(space, genes), rcond=None)[0]
    straight = np.column_stack([np.ones(len(population)), features(space, population)]) @ line
    predicted = QualityPredictor(space).fit(genes, error_percent(space, genes)).predict(population)
    assert np.sqrt(np.mean((predicted - truth) ** 2)) < 0.6 * np.sqrt(np.mean((straight - truth) ** 2))


@pytest.mark.parametrize("n", [15, 50, 300])
def test_the_deviation_is_honest(space, population, n):
    rng = np.random.default_rng(5)
    measured = error_percent(space, population) + 0.3 * rng.standard_normal(len(population))
    shares = []
    for seed in range(8):
        mean, deviation = fitted(space, n, seed=seed).predict(population, return_std=True)
        assert (deviation > 0).all()
        shares.append(np.mean(np.abs(measured - mean) < 1.645 * deviation))
    assert 0.78 < np.mean(shares) < 0.97


def test_choices_that_nothing_evaluated_had_are_uncertain(space):
    rng = np.random.default_rng(1)
    genes = space.sample_genes(rng, 400)
    deep = genes[:, 1] == space.depth.index(3)
    whole = QualityPredictor(space).fit(genes, error_percent(space, genes))
    mean_seen, seen = whole.predict(genes[deep], return_std=True)
    shallow = genes[~deep]
    blind = QualityPredictor(space).fit(shallow, error_percent(space, shallow))
    inside = blind.predict(shallow, return_std=True)[1] / blind.predict(shallow)
    outside = blind.predict(genes[deep], return_std=True)[1] / blind.predict(genes[deep])
    assert np.median(outside) > 1.2 * np.median(inside)
    assert np.median(outside) > 1.2 * np.median(seen / mean_seen)


def test_known_noise_helps(space, population):
    truth = error_percent(space, population)
    gains = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        genes = space.sample_genes(rng, 120)
        noise = np.where(rng.random(120) < 0.5, 15.0, 0.1)
        observed = error_percent(space, genes) + noise * rng.standard_normal(120)
        told = QualityPredictor(space).fit(genes, observed, noise=noise).predict(population)
        untold = QualityPredictor(space).fit(genes, observed).predict(population)
        gains.append(np.mean((untold - truth) ** 2) / np.mean((told - truth) ** 2))
    assert np.exp(np.mean(np.log(gains))) > 1.5


def test_equal_noise_changes_nothing(space, population):
    rng = np.random.default_rng(2)
    genes = space.sample_genes(rng, 60)
    y = error_percent(space, genes)
    plain = QualityPredictor(space).fit(genes, y).predict(population)
    for noise in (0.0, np.zeros(60)):
        equal = QualityPredictor(space).fit(genes, y, noise=noise).predict(population)
        assert spearmanr(plain, equal).statistic > 0.98


@pytest.mark.parametrize("value", [0.0, 7.5, -1e6])
def test_constant_targets_are_predicted_as_they_are(space, population, value):
    genes = space.sample_genes(np.random.default_rng(0), 10)
    mean, deviation = QualityPredictor(space).fit(genes, np.full(10, value)).predict(population, return_std=True)
    np.testing.assert_allclose(mean, value, rtol=1e-9, atol=1e-9)
    assert (deviation >= 0).all()
    assert deviation.max() < 1e-6 * max(1.0, abs(value))


def test_one_network_measured_many_times_is_no_trouble(space, population):
    genes = np.repeat(space.sample_genes(np.random.default_rng(0), 1), 6, axis=0)
    mean, deviation = QualityPredictor(space).fit(genes, np.arange(6.0)).predict(population, return_std=True)
    assert np.isfinite(mean).all()
    assert (deviation > 1.0).all()


@pytest.mark.parametrize("shift", [0.0, 1e3, -50.0])
def test_the_unit_and_the_zero_of_the_target_do_not_matter(space, population, shift):
    rng = np.random.default_rng(3)
    genes = space.sample_genes(rng, 80)
    y = error_percent(space, genes)
    mean, deviation = QualityPredictor(space).fit(genes, y).predict(population, return_std=True)
    other, other_deviation = QualityPredictor(space).fit(genes, 0.01 * y + shift).predict(population, return_std=True)
    np.testing.assert_allclose(other, 0.01 * mean + shift, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(other_deviation, 0.01 * deviation, rtol=1e-4)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_targets_that_are_no_numbers_are_refused(space, bad):
    genes = space.sample_genes(np.random.default_rng(0), 10)
    quality = np.arange(10.0)
    quality[4] = bad
    with pytest.raises(ProfileError, match="1 that are NaN or infinite"):
        QualityPredictor(space).fit(genes, quality)
    with pytest.raises(ProfileError, match="noise"):
        QualityPredictor(space).fit(genes, np.arange(10.0), noise=bad)


def test_wrong_arguments_are_refused(space, population):
    genes = space.sample_genes(np.random.default_rng(0), 10)
    with pytest.raises(ProfileError, match="shape"):
        QualityPredictor(space).fit(genes, np.zeros(9))
    with pytest.raises(ProfileError, match="shape"):
        QualityPredictor(space).fit(genes, np.zeros((10, 1)))
    with pytest.raises(ProfileError, match="two networks"):
        QualityPredictor(space).fit(genes[:1], np.zeros(1))
    with pytest.raises(ProfileError, match="0 or more, got -1"):
        QualityPredictor(space).fit(genes, np.arange(10.0), noise=-1.0)
    with pytest.raises(NotFittedError):
        QualityPredictor(space).predict(population, return_std=True)


def test_json_round_trip_is_exact(space, population):
    for n in (5, 100):
        predictor = fitted(space, n)
        read = QualityPredictor.from_json(space, predictor.to_json())
        np.testing.assert_array_equal(
            read.predict(population, return_std=True), predictor.predict(population, return_std=True)
        )
        assert read.to_json() == predictor.to_json()


def test_foreign_and_broken_json_is_refused(space, make_space):
    text = fitted(space, 40).to_json()
    with pytest.raises(ProfileError, match="space"):
        QualityPredictor.from_json(make_space(ratio=[2]), text)
    whole = json.loads(text)
    texts = ["", "null", "{}", text[:-5], text.replace('"QualityPredictor"', '"LatencyPredictor"')]
    texts += [json.dumps({**whole, "products": whole["products"][:-1]})]
    texts += [json.dumps({**whole, "target_transform": 3}), json.dumps({**whole, "_version": 0})]
    texts += [json.dumps({**whole, "noise": None}), json.dumps({**whole, "ridge": {}})]
    for broken in texts:
        with pytest.raises(ProfileError):
            QualityPredictor.from_json(space, broken)


def test_shapes_and_rows_are_independent(space):
    predictor = fitted(space, 50)
    # More rows than are predicted at once.
    many = space.sample_genes(np.random.default_rng(4), 5000)
    whole = predictor.predict(many, return_std=True)
    order = np.random.default_rng(0).permutation(len(many))
    for all_rows, permuted in zip(whole, predictor.predict(many[order], return_std=True), strict=True):
        assert all_rows.shape == (5000,)
        np.testing.assert_allclose(permuted, all_rows[order], rtol=1e-9)
    assert [part.shape for part in predictor.predict(many[:0], return_std=True)] == [(0,), (0,)]
    np.testing.assert_array_equal(predictor.predict(many), whole[0])


def test_bends_increase_and_invert():
    y = np.array([1.0, 4.0, 2.5, 9.0])
    assert len(candidate_transforms(y)) == 7
    for target_transform in candidate_transforms(y):
        z = target_transform.forward(y)
        assert (np.argsort(z) == np.argsort(y)).all()
        np.testing.assert_allclose(target_transform.backward(z), y)
        step = 1e-6
        np.testing.assert_allclose(
            (target_transform.forward(y + step) - target_transform.forward(y - step)) / (2 * step),
            target_transform.slope(y),
            1e-6,
        )
    assert np.isfinite(TargetTransform(sign=1, bound=0.0).backward(np.array([1e9]))).all()


def test_the_totals_are_where_they_are_said_to_be(space, population):
    totals = features(space, population)[:, totals_columns(space)]
    layers, active = space.layer_genes(population), space.active(population)
    for i in range(len(space.mixer)):
        assert (totals[:, i] == ((layers[..., 0] == i) & active).sum(axis=1)).all()
    last = (layers[..., 5] == len(space.precision) - 1) & active
    assert (totals[:, -1] == last.sum(axis=1)).all()
