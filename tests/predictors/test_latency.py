"""The latency predictor on devices whose truth is known."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from predictors import LatencyPredictor
from search_space.errors import ProfileError
from tests.predictors.synthetic import Measured, Profile, additive_ms, network_ms, profile


@pytest.fixture(scope="module")
def population(space):
    return space.sample_genes(np.random.default_rng(99), 1000)


def test_the_prior_alone_is_the_exact_sum_of_the_blocks(space, population):
    predictor = LatencyPredictor(space).fit(profile(space, networks=0))
    np.testing.assert_allclose(predictor.predict(population), additive_ms(space, population), rtol=1e-12)
    low, high = predictor.predict_interval(population).T
    assert (high / low > 2).all()
    assert predictor.residual_.networks == 0


def test_additive_networks_leave_the_prior_as_it_is(space, population):
    predictor = LatencyPredictor(space).fit(profile(space, networks=30))
    np.testing.assert_allclose(predictor.predict(population), additive_ms(space, population), rtol=1e-9)
    assert predictor.residual_.constant
    assert predictor.residual_.max_relative_error < 1e-9


def test_a_uniform_factor_is_found_from_one_network(space, population):
    given = profile(space, networks=1, truth=lambda s, g: 1.7 * additive_ms(s, g))
    predictor = LatencyPredictor(space).fit(given)
    np.testing.assert_allclose(predictor.predict(population), 1.7 * additive_ms(space, population), rtol=1e-9)


def relative_error(predicted, truth):
    return float(np.median(np.abs(predicted / truth - 1)))


@pytest.mark.parametrize("seed", range(3))
def test_the_residual_learns_what_the_sum_misses(space, population, seed):
    given = profile(space, networks=60, truth=network_ms, noise=0.01, seed=seed)
    predictor = LatencyPredictor(space).fit(given)
    truth, prior = network_ms(space, population), additive_ms(space, population)
    genes = space.encode([a for a, _ in given.networks])
    measured = np.array([m.latency_ms for _, m in given.networks])
    scaled = prior * np.exp(np.mean(np.log(measured / additive_ms(space, genes))))
    learned = relative_error(predictor.predict(population), truth)
    assert not predictor.residual_.constant
    assert learned < 0.5 * relative_error(scaled, truth)
    assert learned < 0.02
    assert predictor.residual_.median_relative_error < predictor.residual_.prior_median_relative_error


@pytest.mark.parametrize("networks", [1, 2, 3, 5, 8])
def test_few_networks_are_never_much_worse_than_one_scale(space, population, networks):
    truth, prior = network_ms(space, population), additive_ms(space, population)
    ratios = []
    for seed in range(8):
        given = profile(space, networks=networks, truth=network_ms, noise=0.02, seed=seed)
        predictor = LatencyPredictor(space).fit(given)
        genes = space.encode([a for a, _ in given.networks])
        measured = np.array([m.latency_ms for _, m in given.networks])
        scaled = prior * np.exp(np.mean(np.log(measured / additive_ms(space, genes))))
        ratios.append(relative_error(predictor.predict(population), truth) / relative_error(scaled, truth))
    assert np.mean(ratios) <= 1.001


@pytest.mark.parametrize(("networks", "coverage"), [(5, 0.9), (12, 0.9), (40, 0.5), (40, 0.9), (40, 0.95)])
def test_intervals_hold_what_they_promise(space, population, networks, coverage):
    rng = np.random.default_rng(7)
    measured = network_ms(space, population) * np.exp(0.03 * rng.standard_normal(len(population)))
    shares = []
    for seed in range(15):
        given = profile(space, networks=networks, truth=network_ms, noise=0.03, seed=seed)
        low, high = LatencyPredictor(space).fit(given).predict_interval(population, coverage=coverage).T
        shares.append(np.mean((low <= measured) & (measured <= high)))
    assert np.mean(shares) > coverage - 0.04
    if networks >= 40:
        assert np.mean(shares) < coverage + 0.06


def test_more_coverage_is_wider_and_the_prediction_lies_within(space, population):
    predictor = LatencyPredictor(space).fit(profile(space, networks=25, truth=network_ms, noise=0.03))
    widths = []
    for coverage in (0.5, 0.8, 0.9, 0.96, 0.99):
        low, high = predictor.predict_interval(population, coverage=coverage).T
        predicted = predictor.predict(population)
        assert ((low < predicted) & (predicted < high)).all()
        widths.append(float(np.mean(high / low)))
    assert widths == sorted(widths)


def test_the_probability_of_a_budget_is_calibrated(space, population):
    rng = np.random.default_rng(8)
    measured = network_ms(space, population) * np.exp(0.05 * rng.standard_normal(len(population)))
    limit = float(np.median(measured))
    given = profile(space, networks=60, truth=network_ms, noise=0.05)
    predictor = LatencyPredictor(space).fit(given)
    probability = predictor.probability_below(population, limit)
    assert np.mean(probability) == pytest.approx(np.mean(measured <= limit), abs=0.05)
    # Among the doubtful ones, as many hold the budget as was said.
    doubtful = (probability > 0.2) & (probability < 0.8)
    assert doubtful.sum() > 20
    assert np.mean(measured[doubtful] <= limit) == pytest.approx(np.mean(probability[doubtful]), abs=0.15)
    assert (predictor.probability_below(population, 2 * limit) >= probability).all()


def test_blocks_that_nobody_measured_are_estimated_from_their_like(space, population):
    missing = set(np.random.default_rng(5).permutation(np.array(space.blocks, object))[: len(space.blocks) // 4])
    predictor = LatencyPredictor(space).fit(profile(space, networks=0, keep=lambda b: b not in missing))
    assert predictor.residual_.estimated_blocks == len(missing)
    assert relative_error(predictor.predict(population), additive_ms(space, population)) < 0.1


@pytest.mark.parametrize("seed", range(3))
def test_a_few_spoiled_networks_hardly_move_the_predictor(space, population, seed):
    given = profile(space, networks=40, truth=network_ms, noise=0.01, seed=seed)
    spoiled = list(given.networks)
    for i in (3, 11, 29, 30):  # another program ran
        architecture, measured = spoiled[i]
        spoiled[i] = (architecture, Measured(latency_ms=measured.latency_ms * 1.4))
    truth = network_ms(space, population)
    clean = LatencyPredictor(space).fit(given).predict(population) / truth - 1
    found = LatencyPredictor(space).fit(dataclasses.replace(given, networks=spoiled)).predict(population) / truth - 1
    assert abs(np.median(found)) < 0.012, "the mean of the logarithms has moved by 3.4 %"
    assert np.median(np.abs(found)) < np.median(np.abs(clean)) + 0.015


def test_networks_of_a_wider_space_are_left_out(space, make_space):
    wider = make_space(depth=[1, 2, 3, 4])
    given = profile(wider, networks=40, truth=network_ms)
    predictor = LatencyPredictor(space).fit(given)
    assert predictor.residual_.networks == sum(a.depth <= 3 for a, _ in given.networks) < 40


def test_json_round_trip_is_exact(space, population):
    for networks in (0, 30):
        fitted = LatencyPredictor(space).fit(profile(space, networks=networks, truth=network_ms, noise=0.02))
        read = LatencyPredictor.from_json(space, fitted.to_json())
        assert (read.predict(population) == fitted.predict(population)).all()
        assert (read.predict_interval(population) == fitted.predict_interval(population)).all()
        assert (read.probability_below(population, 0.2) == fitted.probability_below(population, 0.2)).all()
        assert read.residual_ == fitted.residual_
        assert read.to_json() == fitted.to_json()


def test_foreign_and_broken_json_is_refused(space, make_space):
    text = LatencyPredictor(space).fit(profile(space, networks=20, truth=network_ms, noise=0.02)).to_json()
    with pytest.raises(ProfileError, match="space"):
        LatencyPredictor.from_json(make_space(depth=[2, 3]), text)
    whole = json.loads(text)
    texts = ["", "[]", "{}", text[:-20], text.replace("LatencyPredictor", "QualityPredictor")]
    texts += [json.dumps({**whole, "block_ms": whole["block_ms"][:-1]})]
    texts += [json.dumps({**whole, "block_ms": ["x"]})]
    texts += [json.dumps({k: v for k, v in whole.items() if k != "residuals"})]
    texts += [json.dumps({**whole, "_version": 999})]
    for broken in texts:
        with pytest.raises(ProfileError):
            LatencyPredictor.from_json(space, broken)


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_latencies_that_cannot_be_are_refused(space, value):
    good = profile(space, networks=3)
    bad = Measured(latency_ms=value)
    with pytest.raises(ProfileError, match="positive number of ms"):
        LatencyPredictor(space).fit(Profile(blocks={**good.blocks, space.blocks[2]: bad}, networks=good.networks))
    with pytest.raises(ProfileError, match="positive number of ms"):
        LatencyPredictor(space).fit(dataclasses.replace(good, networks=[(good.networks[0][0], bad)]))


def test_a_profile_of_another_space_and_wrong_arguments_are_refused(space, make_space, population):
    with pytest.raises(ProfileError, match="none of them of this space"):
        LatencyPredictor(space).fit(profile(make_space(embed_dim=[40, 48]), networks=0))
    with pytest.raises(NotFittedError):
        LatencyPredictor(space).predict(population)
    predictor = LatencyPredictor(space).fit(profile(space, networks=0))
    for coverage in (0.0, 1.0, -0.5, float("nan")):
        with pytest.raises(ProfileError, match="coverage"):
            predictor.predict_interval(population, coverage=coverage)
    with pytest.raises(ProfileError, match="limit_ms"):
        predictor.probability_below(population, float("nan"))


def test_shapes_and_rows_are_independent(space, population):
    predictor = LatencyPredictor(space).fit(profile(space, networks=30, truth=network_ms, noise=0.02))
    whole = predictor.predict_interval(population)
    assert whole.shape == (len(population), 2)
    assert predictor.predict(population[:0]).shape == (0,)
    assert predictor.predict_interval(population[:0]).shape == (0, 2)
    order = np.random.default_rng(0).permutation(len(population))
    np.testing.assert_allclose(predictor.predict_interval(population[order]), whole[order], rtol=1e-12)
