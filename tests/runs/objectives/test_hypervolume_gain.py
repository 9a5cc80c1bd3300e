"""Fronts and gains against brute force and an independent hypervolume."""

from __future__ import annotations

import moocore
import numpy as np
import pytest

from runs.objectives.hypervolume_gain import expected_gain, free_boxes, hypervolume_gain
from runs.objectives.pareto import front_rows


@pytest.mark.parametrize("dims", [1, 2, 3, 4])
def test_front_against_the_definition(dims: int) -> None:
    rng = np.random.default_rng(dims)
    for n in (0, 1, 2, 60):
        points = rng.integers(0, 6, (n, dims)).astype(float)
        dominated = [any((q <= p).all() and (q < p).any() for q in points) for p in points]
        expected = np.unique(points[~np.array(dominated, bool)], axis=0)
        np.testing.assert_array_equal(points[front_rows(points)], expected.reshape(-1, dims))


@pytest.mark.parametrize("dims", [1, 2, 3, 4])
def test_gain_is_the_difference_of_hypervolumes(dims: int) -> None:
    rng = np.random.default_rng(dims)
    reference = np.full(dims, 1.0)
    for n in (0, 1, 12):
        front = rng.random((n, dims)) * 1.2
        candidates = np.concatenate([rng.random((25, dims)) * 1.2, front])
        before = moocore.hypervolume(front, ref=reference) if n else 0.0
        expected = [moocore.hypervolume(np.vstack([front, c]), ref=reference) - before for c in candidates]
        gain = hypervolume_gain(candidates, front=front, reference=reference)
        np.testing.assert_allclose(gain, expected, atol=1e-12)


@pytest.mark.parametrize("dims", [1, 2, 3, 4])
def test_boxes_fill_what_is_free_without_overlap(dims: int) -> None:
    rng = np.random.default_rng(dims)
    front = rng.random((15, dims))
    lower, upper = free_boxes(front, reference=np.ones(dims))
    points = rng.random((2000, dims))
    inside = ((lower < points[:, None]) & (points[:, None] < upper)).all(axis=2).sum(axis=1)
    free = ~(front <= points[:, None]).all(axis=2).any(axis=1)
    np.testing.assert_array_equal(inside, free)


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_expected_gain_is_the_mean_over_draws(dims: int) -> None:
    rng = np.random.default_rng(dims)
    front, mean, std = rng.random((8, dims)), rng.random((6, dims)), 0.3 * rng.random((6, dims))
    std[:3, 0] = 0.0
    reference = np.full(dims, 1.0)
    draws = mean + std * rng.standard_normal((20_000, 6, dims))
    gains = hypervolume_gain(draws.reshape(-1, dims), front=front, reference=reference).reshape(-1, 6)
    error = gains.std(axis=0) / np.sqrt(len(gains))
    expected = expected_gain(mean, std, boxes=free_boxes(front, reference=reference))
    assert (np.abs(gains.mean(axis=0) - expected) < 4.0 * error + 1e-12).all()


def test_three_objectives_take_about_two_boxes_a_point() -> None:
    points = np.random.default_rng(0).random((300, 3)) ** 3
    front = points / np.linalg.norm(points, axis=1, keepdims=True)
    assert len(free_boxes(front, reference=np.full(3, 1.1))[0]) <= 2 * len(front) + 1
