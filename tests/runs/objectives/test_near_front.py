"""Which networks only noise keeps off the front."""

from __future__ import annotations

import numpy as np

from runs.objectives.near_front import near_front
from runs.objectives.pareto import non_dominated


def naive(values, errors, front):
    near = []
    for i, own in enumerate(values):
        beaten = any(
            front[j]
            and all(values[j][k] <= own[k] - np.hypot(errors[i][k], errors[j][k]) for k in range(len(own)))
            and any(values[j][k] < own[k] for k in range(len(own)))
            for j in range(len(values))
        )
        near.append(bool(not front[i] and not beaten and any(errors[i] > 0)))
    return near


def test_a_network_is_near_when_one_standard_error_would_do() -> None:
    values = np.array([[10.0, 1.0], [11.0, 1.0], [12.0, 1.0], [10.5, 0.5]])
    errors = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    front = non_dominated(values)
    assert front.tolist() == [True, False, False, True]
    # 11 is within sqrt(2) of both that beat it; 12 is not within it of 10.
    assert near_front(values, errors, front).tolist() == [False, True, False, False]
    assert not near_front(values, 0 * errors, front).any(), "without noise nothing is in doubt"


def test_against_the_definition() -> None:
    rng = np.random.default_rng(1)
    for m in (2, 3):
        values = np.column_stack([rng.uniform(0, 10, 60), rng.integers(0, 5, (60, m - 1))]).astype(float)
        errors = np.column_stack([rng.uniform(1, 3, 60), np.zeros((60, m - 1))])
        front = non_dominated(values)
        found = near_front(values, errors, front)
        assert found.tolist() == naive(values, errors, front)
        assert 0 < found.sum() < 60 and not (found & front).any()
