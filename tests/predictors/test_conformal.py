"""Residuals by blocks of time, against refits and against a machine that drifts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from hardware_profiles.measurement import Measurand
from predictors import LatencyPredictor
from predictors.conformal import blocked_scores, conformal_quantile, measured_seconds, time_blocks
from predictors.latency_evaluation import evaluate_latency
from predictors.ridge import RidgePath
from search_space.errors import ProfileError
from tests.predictors.synthetic import Profile, network_ms, profile

START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class Timed:
    latency_ms: float
    measured_at: str

    def value(self, measurand: Measurand) -> float | None:
        return self.latency_ms if measurand is Measurand.LATENCY else None


def sessions(space, *, networks: int, count: int, shift: float, seed: int = 0) -> Profile:
    """Networks measured in ``count`` sessions of which each is slower or faster as a whole."""
    plain = profile(space, networks=networks, truth=network_ms, noise=0.005, seed=seed)
    shifts = np.exp(shift * np.random.default_rng(seed + 1).standard_normal(count))
    timed = []
    for i, (architecture, measured) in enumerate(plain.networks):
        session = i * count // networks
        at = (START + timedelta(hours=3 * session, seconds=i)).isoformat()
        timed.append((architecture, Timed(latency_ms=measured.latency_ms * shifts[session], measured_at=at)))
    return Profile(blocks=plain.blocks, networks=timed)


def test_deleting_a_block_is_refitting_without_it():
    rng = np.random.default_rng(0)
    x, blocks = rng.normal(size=(24, 3)), np.arange(24) // 6
    y = x @ [1.0, -2.0, 0.5] + 0.3 * rng.normal(size=24)
    penalty = 0.7
    path = RidgePath(x, penalties=[penalty])
    scores = blocked_scores(path, y, index=0, blocks=blocks)
    ratios: list[float] = []
    for block in range(4):
        out, kept = blocks == block, blocks != block
        design = np.column_stack([np.ones(24), x])
        gram = design[kept].T @ design[kept] + np.diag([0.0, penalty, penalty, penalty])
        errors = y[out] - design[out] @ np.linalg.solve(gram, design[kept].T @ y[kept])
        variance = 1.0 + np.einsum("ij,ij->i", design[out] @ np.linalg.inv(gram), design[out])
        ratios.extend(scores[out] / (np.abs(errors) / np.sqrt(variance)))
    # But for the widening for few blocks, which is common to all and small where blocks have nothing in common.
    np.testing.assert_allclose(ratios, ratios[0], rtol=1e-8)
    assert 1.0 - 1e-9 < ratios[0] < 1.2


def test_sessions_are_blocks_and_one_session_is_divided():
    apart = np.array([0.0, 10.0, 7200.0, 7210.0, 20.0])
    np.testing.assert_array_equal(time_blocks(apart), [0, 0, 1, 1, 0])
    one = time_blocks(np.arange(40.0)[::-1])
    np.testing.assert_array_equal(one, np.repeat([4, 3, 2, 1, 0], 8))
    assert not time_blocks(np.arange(5.0)).any()


def test_a_measurement_without_its_time_makes_no_blocks():
    assert measured_seconds([Timed(latency_ms=1.0, measured_at=START.isoformat()), object()]) is None


def test_the_quantile_counts_the_one_to_come():
    scores = np.arange(1.0, 10.0)
    assert conformal_quantile(scores, 0.9) == 9.0
    assert conformal_quantile(scores[:-1], 0.9) == np.inf


def test_intervals_cover_another_day(space):
    genes = space.sample_genes(np.random.default_rng(7), 300)
    truth = network_ms(space, genes)
    days, covered, covered_without = np.random.default_rng(8).standard_normal(40), [], []
    for seed in range(8):
        given = sessions(space, networks=60, count=6, shift=0.04, seed=10 * seed)
        timed = LatencyPredictor(space).fit(given).predict_interval(genes)
        for day in days:
            measured = truth * np.exp(0.04 * day)
            covered.append(np.mean((timed[:, 0] <= measured) & (measured <= timed[:, 1])))
        one_day = sessions(space, networks=60, count=1, shift=0.0, seed=10 * seed)
        narrow = LatencyPredictor(space).fit(one_day).predict_interval(genes)
        measured = truth * np.exp(0.04 * days[0])
        covered_without.append(np.mean((narrow[:, 0] <= measured) & (measured <= narrow[:, 1])))
    assert 0.82 < np.mean(covered) < 0.99
    assert np.mean(covered_without) < 0.7


def test_a_profile_is_judged_on_random_and_time_splits(space):
    given = sessions(space, networks=60, count=5, shift=0.06)
    random, time = evaluate_latency(space, given, rng=np.random.default_rng(0))
    assert (random.split, time.split) == ("random", "time")
    assert time.median_error > 0.02
    assert random.rank_correlation > 0.8
    assert set(time.fold) == set(range(5))
    np.testing.assert_array_equal(random.measured_ms, [m.latency_ms for _, m in given.networks])


def test_without_times_there_is_no_time_split(space):
    (only,) = evaluate_latency(space, profile(space, networks=30, truth=network_ms), rng=np.random.default_rng(0))
    assert only.split == "random"
    assert only.median_error < 0.05


def test_too_few_networks_are_refused(space):
    with pytest.raises(ProfileError, match="at least 10"):
        evaluate_latency(space, profile(space, networks=9), rng=np.random.default_rng(0))
