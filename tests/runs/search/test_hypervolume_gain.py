"""Fronts and gains against brute force and an independent hypervolume."""

from __future__ import annotations

import moocore
import numpy as np
import pytest

from runs.search.hypervolume_gain import front_of, hypervolume_gain


@pytest.mark.parametrize("dims", [1, 2, 3, 4])
def test_front_against_the_definition(dims: int) -> None:
    rng = np.random.default_rng(dims)
    for n in (0, 1, 2, 60):
        points = rng.integers(0, 6, (n, dims)).astype(float)
        dominated = [any((q <= p).all() and (q < p).any() for q in points) for p in points]
        expected = np.unique(points[~np.array(dominated, bool)], axis=0)
        np.testing.assert_array_equal(points[front_of(points)], expected.reshape(-1, dims))


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
