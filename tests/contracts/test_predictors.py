"""What every predictor keeps, whatever it predicts: the common checks run over all estimators of the package.

An estimator is found by its class, which has ``fit`` and ``predict``; a new one needs a case here.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

import predictors
from hardware_profiles.measurement import Measurand
from predictors import LatencyPredictor, QualityPredictor
from predictors.adaptation import DeviceAdapter
from predictors.few_shot import FewShotRegressor
from search_space.errors import NasweaveError, ProfileError
from tests.predictors.synthetic import Profile, error_percent, network_ms, profile

N = 30


@dataclass(frozen=True, kw_only=True)
class Case:
    """An estimator with data: what ``fit`` is given, what it may not be given, and rows to predict."""

    make: Callable[[], Any]
    fitted: Sequence[Any]
    refitted: Sequence[Any]
    rows: np.ndarray
    wrong: Mapping[str, Sequence[Any]]
    shuffled: Callable[[np.random.Generator], Sequence[Any]]
    save: Callable[[Any], Any]
    load: Callable[[Any], Any]
    wrong_rows: Sequence[np.ndarray] = field(default_factory=tuple)


def _tables(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    x = np.column_stack([np.ones(N), rng.random((N, 4))]) + 0.1
    return x, (x @ np.array([1.0, 5.0, 2.0, 0.0, 0.5])) * np.exp(0.02 * rng.standard_normal(N))


def _regressor(make: Callable[[], Any], kind: Any) -> Case:
    rng = np.random.default_rng(0)
    (x, y), other, (rows, _) = _tables(rng), _tables(rng), _tables(rng)
    broken, zero = x.copy(), y.copy()
    broken[3, 2], zero[5] = np.nan, 0.0

    def shuffled(rng: np.random.Generator) -> Sequence[Any]:
        order = rng.permutation(N)
        return x[order], y[order]

    return Case(
        make=make,
        fitted=(x, y),
        refitted=other,
        rows=rows,
        wrong={
            "too few targets": (x, y[:-1]),
            "targets in two columns": (x, np.stack([y, y], axis=1)),
            "no rows": (x[:0], y[:0]),
            "a NaN among rows": (broken, y),
            "a latency of 0": (x, zero),
            "rows that are no matrix": (y, y),
            "rows of several lengths": ([[1.0], *x.tolist()[1:]], y),
            "words in place of targets": (x, ["fast"] * N),
        },
        shuffled=shuffled,
        save=lambda fitted: fitted.to_dict(),
        load=kind.from_dict,
        wrong_rows=(rows[:, :-1], rows[0], broken),
    )


def _quality(space: Any) -> Case:
    rng = np.random.default_rng(1)
    genes, other, rows = (space.sample_genes(rng, N) for _ in range(3))
    y = error_percent(space, genes) + 0.3 * rng.standard_normal(N)
    broken = y.copy()
    broken[2] = np.inf

    def shuffled(rng: np.random.Generator) -> Sequence[Any]:
        order = rng.permutation(N)
        return genes[order], y[order]

    return Case(
        make=lambda: QualityPredictor(space),
        fitted=(genes, y),
        refitted=(other, error_percent(space, other)),
        rows=rows,
        wrong={
            "too few targets": (genes, y[:-1]),
            "no rows": (genes[:0], y[:0]),
            "one row": (genes[:1], y[:1]),
            "infinite": (genes, broken),
            "words in place of targets": (genes, ["good"] * N),
        },
        shuffled=shuffled,
        save=lambda fitted: fitted.to_json(),
        load=lambda text: QualityPredictor.from_json(space, text),
    )


def _latency(space: Any) -> Case:
    given = profile(space, networks=N, truth=network_ms, noise=0.02)
    rows = space.sample_genes(np.random.default_rng(2), N)
    broken = {b: m if i else type(m)(latency_ms=float("nan")) for i, (b, m) in enumerate(given.blocks.items())}

    def shuffled(rng: np.random.Generator) -> Sequence[Any]:
        blocks = [list(given.blocks.items())[i] for i in rng.permutation(len(given.blocks))]
        return (Profile(blocks=dict(blocks), networks=[given.networks[i] for i in rng.permutation(N)]),)

    return Case(
        make=lambda: LatencyPredictor(space),
        fitted=(given,),
        refitted=(profile(space, networks=12, truth=network_ms, noise=0.1, seed=5),),
        rows=rows,
        wrong={
            "no block": (Profile(blocks={}, networks=given.networks),),
            "a NaN": (Profile(blocks=broken, networks=given.networks),),
            "no energies": (given, Measurand.ENERGY),
        },
        shuffled=shuffled,
        save=lambda fitted: fitted.to_json(),
        load=lambda text: LatencyPredictor.from_json(space, text),
    )


CASES: Mapping[type, Callable[[Any], Case]] = {
    FewShotRegressor: lambda space: _regressor(FewShotRegressor, FewShotRegressor),
    DeviceAdapter: lambda space: _regressor(lambda: DeviceAdapter(num_known=2), DeviceAdapter),
    QualityPredictor: _quality,
    LatencyPredictor: _latency,
}


def _estimators() -> dict[str, type]:
    modules = [importlib.import_module(f"predictors.{m.name}") for m in pkgutil.iter_modules(predictors.__path__)]
    classes = [c for module in modules for _, c in inspect.getmembers(module, inspect.isclass)]
    own = {c for c in classes if c.__module__.startswith("predictors.")}
    return {c.__name__: c for c in own if all(callable(getattr(c, name, None)) for name in ("fit", "predict"))}


@pytest.fixture(params=sorted(_estimators()))
def case(request: pytest.FixtureRequest, space: Any) -> Case:
    kind = _estimators()[request.param]
    assert kind in CASES, f"write a case for {request.param}"
    return CASES[kind](space)


def _prediction(case: Case, fitted: Any, rows: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    mean, std = fitted.predict(case.rows if rows is None else rows, return_std=True)
    return mean, std


def test_fit_returns_the_predictor_and_only_fit_learns(case: Case) -> None:
    predictor = case.make()
    before = set(vars(predictor))
    assert predictor.fit(*case.fitted) is predictor
    learned = {name for name in set(vars(predictor)) - before if not name.startswith("_")}
    assert learned and all(name.endswith("_") for name in learned)
    with pytest.raises(NotFittedError):
        case.make().predict(case.rows)


def test_a_prediction_is_a_mean_and_on_request_a_deviation(case: Case) -> None:
    fitted = case.make().fit(*case.fitted)
    alone = fitted.predict(case.rows)
    mean, std = _prediction(case, fitted)
    assert alone.shape == mean.shape == std.shape == (N,)
    np.testing.assert_array_equal(alone, mean)
    assert np.isfinite(mean).all() and np.isfinite(std).all() and (std > 0).all()
    assert [part.shape for part in _prediction(case, fitted, case.rows[:0])] == [(0,), (0,)]


def test_it_is_deterministic_and_forgets_an_earlier_fit(case: Case) -> None:
    once = _prediction(case, case.make().fit(*case.fitted))
    again = case.make().fit(*case.refitted)
    assert not np.allclose(once[0], again.predict(case.rows))
    np.testing.assert_array_equal(once, _prediction(case, again.fit(*case.fitted)))


def test_rows_are_independent_and_their_order_does_not_matter(case: Case) -> None:
    rng = np.random.default_rng(3)
    fitted = case.make().fit(*case.fitted)
    mean, std = _prediction(case, fitted)
    order = rng.permutation(N)
    for whole, permuted in zip((mean, std), _prediction(case, fitted, case.rows[order]), strict=True):
        np.testing.assert_allclose(permuted, whole[order], rtol=1e-9)
    for whole, single in zip((mean, std), _prediction(case, fitted, case.rows[4:5]), strict=True):
        np.testing.assert_allclose(single, whole[4:5], rtol=1e-9)
    for whole, shuffled in zip((mean, std), _prediction(case, case.make().fit(*case.shuffled(rng))), strict=True):
        np.testing.assert_allclose(shuffled, whole, rtol=1e-6)


def test_neither_fit_nor_predict_writes_to_its_arguments(case: Case) -> None:
    arrays = [a for a in (*case.fitted, case.rows) if isinstance(a, np.ndarray)]
    copies = [a.copy() for a in arrays]
    _prediction(case, case.make().fit(*case.fitted))
    for array, copy in zip(arrays, copies, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_wrong_arguments_are_refused_in_four_parts(case: Case) -> None:
    for what, arguments in case.wrong.items():
        predictor = case.make()
        if arguments and isinstance(arguments[-1], Measurand):
            predictor, arguments = type(predictor)(predictor.space, measurand=arguments[-1]), arguments[:-1]
        with pytest.raises(NasweaveError) as refused:
            predictor.fit(*arguments)
        parts = (refused.value.parameter, refused.value.expected, refused.value.got, refused.value.remedy)
        assert all(part.strip() for part in parts), what
    fitted = case.make().fit(*case.fitted)
    for rows in case.wrong_rows:
        with pytest.raises(ProfileError):
            fitted.predict(rows)


def test_what_was_learned_survives_json(case: Case) -> None:
    fitted = case.make().fit(*case.fitted)
    np.testing.assert_array_equal(_prediction(case, case.load(case.save(fitted))), _prediction(case, fitted))
