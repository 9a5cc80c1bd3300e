"""Fronts and hypervolumes against moocore, an independent implementation."""

from __future__ import annotations

import moocore
import numpy as np
import pytest

from runs.reports import hypervolume, hypervolume_curve, knee, non_dominated


def _random(seed: int, n: int, m: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    values = rng.random((n, m))
    values[n // 2 :] = np.round(values[n // 2 :], 1)  # ties and duplicates
    return values


@pytest.mark.parametrize("m", [2, 3, 4])
@pytest.mark.parametrize("seed", range(4))
def test_non_dominated_agrees_with_moocore(seed: int, m: int) -> None:
    values = _random(seed, 120, m)
    expected = moocore.is_nondominated(values, keep_weakly=True)
    assert np.array_equal(non_dominated(values), expected)


@pytest.mark.parametrize(("m", "n"), [(1, 9), (2, 200), (3, 60), (4, 30)])
@pytest.mark.parametrize("seed", range(3))
def test_hypervolume_agrees_with_moocore(seed: int, m: int, n: int) -> None:
    values = _random(seed, n, m)
    reference = np.full(m, 0.9)  # some points lie beyond it
    expected = moocore.hypervolume(values, ref=reference) if m > 1 else 0.9 - values.min()
    assert hypervolume(values, reference) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("m", [2, 3, 4])
def test_curve_is_the_hypervolume_of_every_prefix(m: int) -> None:
    values, reference = _random(5, 40, m), np.full(m, 0.95)
    curve = hypervolume_curve(values, reference)
    assert curve == pytest.approx([moocore.hypervolume(values[: i + 1], ref=reference) for i in range(len(values))])
    assert (np.diff(curve) >= 0).all()


def test_infeasible_points_count_nothing() -> None:
    values = np.array([[np.inf, np.inf], [1.0, 1.0]])
    assert hypervolume_curve(values, [2.0, 3.0]).tolist() == [0.0, 2.0]


def test_degenerate_sets() -> None:
    assert non_dominated(np.empty((0, 3))).tolist() == []
    assert hypervolume(np.empty((0, 2)), [1.0, 1.0]) == 0.0
    assert hypervolume([[2.0, 2.0]], [1.0, 1.0]) == 0.0
    assert non_dominated([[1.0, 1.0], [1.0, 1.0]]).all()
    with pytest.raises(ValueError, match="NaN"):
        non_dominated([[np.nan, 1.0]])
    with pytest.raises(ValueError, match="reference"):
        hypervolume([[1.0, 2.0]], [1.0])


def test_knee_is_the_point_farthest_below_the_line() -> None:
    transformed = np.array([[0.0, 100.0], [1.0, 30.0], [2.0, 18.0], [6.0, 12.0], [10.0, 0.0]])
    line = np.array([-100.0, -10.0])  # the line 100 x + 10 y = 1000, by hand
    distance = transformed @ line + 1000
    assert knee(transformed) == int(distance.argmax()) == 2
    assert knee(transformed * [3.0, 0.01] + [5.0, 1.0]) == 2  # units do not matter


def test_knee_ignores_dominated_points_and_constant_objectives() -> None:
    assert knee([[50.0, 50.0], [0.0, 1.0], [0.1, 0.1], [1.0, 0.0]]) == 2
    assert knee([[3.0, 7.0]]) == 0
    assert knee([[0.0, 1.0, 5.0], [0.2, 0.2, 5.0], [1.0, 0.0, 5.0]]) == 1
