"""Latency as a sum of terms, fitted so that the mean *relative* error is least.

A network's latency is close to the sum of what its parts cost, with costs that depend on its width in no simple way;
so each width gets its own coefficients. Minimising the absolute relative error instead of its square makes the fit a
median: spells in which the machine ran in another mode, a fifth of the measurements say, do not move it.

Papers: Koenker and Bassett 1978 (least absolute deviations); Schlossmacher 1973 (by iterated weighting).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin

from predictors.checks import checked_matrix, checked_targets
from predictors.persistence import finite_array, require_fitted

__all__ = ["AdditiveRegressor"]

Floats = NDArray[np.float64]
# Measurements on each side that tell the machine's state, and rounds of fitting and dividing it out.
_NEIGHBOURS, _DRIFT_ROUNDS = 6, 3


def _running_median(values: Floats) -> Floats:
    """Return the median of the neighbours on both sides, the value itself left out."""
    padded = np.pad(values, _NEIGHBOURS, constant_values=np.nan)
    windows = np.delete(np.lib.stride_tricks.sliding_window_view(padded, 2 * _NEIGHBOURS + 1), _NEIGHBOURS, axis=1)
    result: Floats = np.nanmedian(windows, axis=1)
    return result


class AdditiveRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Linear regression of least mean absolute relative error, with separate coefficients for each value of a column.

    Parameters
    ----------
    by
        Column whose values (widths) have coefficients of their own; ``None`` for one set. The column itself is a
        feature as well. A value not seen in the fit takes the coefficients of the nearest one.
    penalty
        Ridge penalty on the standardised columns, relative to one row: it only decides where the data cannot.
    iterations
        Of the reweighting.

    Attributes
    ----------
    values_
        ``(v,)`` values of column ``by``.
    coef_
        ``(v, d)`` coefficients in the target's unit.
    drift_
        ``(n,)`` how much slower the machine was at each measurement of the fit than in its median state.
    """

    values_: Floats
    coef_: Floats
    drift_: Floats

    def __init__(self, *, by: int | None = None, penalty: float = 1e-6, iterations: int = 30) -> None:
        self.by = by
        self.penalty = penalty
        self.iterations = iterations

    def fit(self, X: Floats, y: Floats, *, time: NDArray[np.generic] | None = None) -> AdditiveRegressor:
        """Fit positive targets ``(n,)`` at ``(n, d)`` (with a column of ones, if wanted).

        With the ``time`` ``(n,)`` of each measurement, or its place in the order, slow drift of the machine is divided
        out of the targets: a running median of what the fit leaves, the measurement itself left out. Predictions are
        for the machine's median state.
        """
        X = checked_matrix("X", X)
        y = checked_targets("y", y, rows=len(X), positive=True)
        self.values_ = np.zeros(1) if self.by is None else np.unique(X[:, self.by])
        member = self._member(X)
        self.drift_ = np.ones(len(y))
        self._fit_members(X, y, member)
        if time is not None and len(y) > 2 * _NEIGHBOURS:
            order = np.argsort(time, kind="stable")
            for _ in range(_DRIFT_ROUNDS):
                self.drift_[order] = _running_median((y / self.predict(X))[order])
                self._fit_members(X, y / self.drift_, member)
            level = float(np.median(y / self.predict(X)))
            self.coef_ *= level
            self.drift_ /= level
        return self

    def _fit_members(self, X: Floats, y: Floats, member: NDArray[np.intp]) -> None:
        self.coef_ = np.stack([self._solve(X[member == v], y[member == v]) for v in range(len(self.values_))])

    def _member(self, X: Floats) -> NDArray[np.intp]:
        """Return which set of coefficients each row takes."""
        if self.by is None:
            return np.zeros(len(X), np.intp)
        nearest: NDArray[np.intp] = np.abs(X[:, self.by, None] - self.values_).argmin(axis=1)
        return nearest

    def _solve(self, X: Floats, y: Floats) -> Floats:
        unit = np.abs(X / y[:, None]).mean(axis=0)
        unit[unit == 0.0] = 1.0
        rows = X / (y[:, None] * unit)
        weight = np.ones(len(y))
        ridge = self.penalty * len(y) * np.eye(X.shape[1])
        for _ in range(self.iterations):
            weighted = rows * weight[:, None]
            coefficients = np.linalg.solve(weighted.T @ rows + ridge * weight.mean(), weighted.sum(axis=0))
            error = np.abs(1.0 - rows @ coefficients)
            # Rows that are met exactly would get infinite weight.
            weight = 1.0 / np.maximum(error, max(1e-3 * float(error.mean()), 1e-12))
            weight /= weight.mean()
        result: Floats = coefficients / unit
        return result

    def predict(self, X: Floats) -> Floats:
        """Return the expected target ``(n,)`` at ``(n, d)``."""
        require_fitted(self, "coef_")
        X = np.asarray(X, float)
        result: Floats = np.einsum("nd,nd->n", X, self.coef_[self._member(X)])
        return result

    def to_dict(self) -> dict[str, Any]:
        """Return what a prediction needs as plain numbers and lists."""
        require_fitted(self, "coef_")
        return {"by": self.by, "values": self.values_.tolist(), "coef": self.coef_.tolist()}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> AdditiveRegressor:
        """Read what :meth:`to_dict` returned; raises ``ValueError`` or ``KeyError`` for anything else."""
        self = cls(by=None if data["by"] is None else int(data["by"]))
        self.values_ = finite_array(data["values"])
        self.coef_ = np.stack([finite_array(row, length=len(data["coef"][0])) for row in data["coef"]])
        if len(self.coef_) != len(self.values_):
            raise ValueError(f"expected coefficients for {len(self.values_)} values, got {len(self.coef_)}")
        return self
