"""Ridge regression in closed form, with exact leave-one-out errors for a whole grid of penalties at once.

One decomposition of the rows serves every penalty. The penalty "infinity", the mean alone, is always among the
candidates, so a fit is never worse in leave-one-out error than a constant. Weighed by :func:`huber_weights`, a few
spoiled measurements hardly move a fit.

Papers: Allen 1974 (PRESS, the leave-one-out residual ``e / (1 - h)``); Huber 1964 (robust estimation); Hastie,
Tibshirani and Friedman, The Elements of Statistical Learning, 7.10 (the one-standard-error rule).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Ridge", "RidgePath", "huber_weights"]

Floats = NDArray[np.float64]
# Relative to the largest eigenvalue: from "almost least squares" to "almost the mean".
_GRID = np.logspace(-7, 1, 33)
# Huber's constant: 95 % as efficient as least squares where the noise is normal.
_HUBER = 1.345


def huber_weights(errors: Floats) -> Floats:
    """Return the weights ``(n,)``, 1 at most, of rows whose predictions without them are off by ``errors``.

    The scale is that of the median error, so up to half of the rows may be anything.
    """
    size = np.abs(errors)
    limit = _HUBER * 1.4826 * float(np.median(size))
    return np.where(size <= limit, 1.0, limit / np.maximum(size, 1e-300)) if limit > 0 else np.ones(len(size))


@dataclass(frozen=True, kw_only=True, slots=True)
class Ridge:
    """A fitted linear model ``intercept + (x - center) @ coefficients``.

    ``leverage(x)`` is the variance of the prediction in units of the noise variance: ``1 / n`` at the centre, large in
    directions that the data did not explore. ``factor`` is ``(d, d)``, and empty for a constant model.
    """

    intercept: float
    center: Floats
    coefficients: Floats
    factor: Floats
    center_leverage: float

    def predict(self, x: Floats) -> Floats:
        """Return the prediction ``(n,)`` at ``x`` ``(n, d)``."""
        result: Floats = x @ self.coefficients + (self.intercept - self.center @ self.coefficients)
        return result

    def leverage(self, x: Floats) -> Floats:
        """Return the leverage ``(n,)`` at ``x`` ``(n, d)``."""
        if not self.factor.size:
            return np.full(len(x), self.center_leverage)
        projected = x @ self.factor
        projected -= self.center @ self.factor
        result: Floats = np.einsum("ij,ij->i", projected, projected) + self.center_leverage
        return result

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers and lists."""
        return {
            "intercept": self.intercept,
            "center": self.center.tolist(),
            "coefficients": self.coefficients.tolist(),
            "factor": self.factor.tolist(),
            "center_leverage": self.center_leverage,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Ridge:
        """Read what :meth:`to_dict` returned."""
        center, coefficients, factor = (np.array(data[k], float) for k in ("center", "coefficients", "factor"))
        width = len(center)
        if coefficients.shape != (width,) or factor.shape not in ((0,), (width, width)):
            raise ValueError("the sizes of the coefficients contradict each other")
        if not all(np.isfinite(part).all() for part in (center, coefficients, factor, data["intercept"])):
            raise ValueError("a coefficient is not finite")
        return cls(
            intercept=float(data["intercept"]),
            center=center,
            coefficients=coefficients,
            factor=factor,
            center_leverage=float(data["center_leverage"]),
        )


class RidgePath:
    """All penalties at once on one design matrix; targets may be many.

    Parameters
    ----------
    x
        ``(n, d)`` with ``n >= 1``.
    weights
        ``(n,)`` positive precisions of the rows, relative to each other; equal by default.
    scale
        Divide every column by its standard deviation first, for columns of different units.
    floor
        Smallest penalty: the ratio of the noise variance to the variance that a coefficient can be believed to have.
        It keeps fits of few rows from claiming to know everything.
    penalties
        Candidates in place of the grid; infinity is the mean alone.
    """

    def __init__(
        self,
        x: Floats,
        *,
        weights: Floats | None = None,
        scale: bool = False,
        floor: float = 0.0,
        penalties: Sequence[float] | None = None,
    ) -> None:
        n, d = x.shape
        w = np.ones(n) if weights is None else weights / weights.mean()
        self._root = np.sqrt(w)
        self._w = w
        self._center = w @ x / n
        centred = x - self._center
        spread = np.sqrt(w @ centred**2 / n) if scale else np.ones(d)
        # A column that (almost) never changes says nothing: dividing by its spread would only amplify rounding.
        alive = spread > 1e-9 * np.maximum(1.0, np.abs(self._center))
        self._unit = np.where(alive, 1.0 / np.where(alive, spread, 1.0), 0.0)
        design = centred * self._unit * self._root[:, None]
        if n < d:  # then n directions hold all rows, and are found in a fraction of the time
            left, singular, right = np.linalg.svd(design, full_matrices=False)
            self._basis, self._values, self._z = right.T, singular**2, left * singular
        else:
            values, self._basis = np.linalg.eigh(design.T @ design)
            self._values = np.maximum(values, 0.0)
            self._z = design @ self._basis
        top = float(self._values.max(initial=0.0))
        if penalties is not None:
            self.penalties = np.array(penalties, float)
        else:  # The last candidate, infinity, is the mean alone.
            self.penalties = np.append(np.maximum(_GRID * top, floor), np.inf) if top > 0 else np.array([np.inf])
        inverse = np.where(np.isfinite(self.penalties), 1.0 / (self._values[:, None] + self.penalties), 0.0)
        self._inverse = inverse
        # Of each row under each penalty, (n, penalties); a single row would be its own prediction.
        self.leverages = np.minimum((self._z**2) @ inverse + (w / n)[:, None], 1.0 - 1e-6)

    @property
    def roots(self) -> Floats:
        """The root weights ``(n,)``, which average to about one."""
        return self._root

    def studentised(self, y: Floats) -> Floats:
        """Return residuals over ``sqrt(1 - h)``, ``(n, penalties)``, in units of ``y`` for a row of weight 1."""
        result: Floats = self.residuals(y) / np.sqrt(1.0 - self.leverages)
        return result

    def leave_one_out(self, y: Floats) -> Floats:
        """Return what each row is off by when it is left out of the fit, ``(n, penalties)``, times its root weight."""
        result: Floats = self.residuals(y) / (1.0 - self.leverages)
        return result

    def hat(self, index: int) -> Floats:
        """Return the matrix ``(n, n)`` from targets, times root weights, to fitted values under one penalty."""
        result: Floats = (self._z * self._inverse[:, index]) @ self._z.T + np.outer(self._root, self._root) / len(
            self._w
        )
        return result

    def residuals(self, y: Floats) -> Floats:
        """Return residuals of the fit to all rows, ``(n, penalties)``, times root weights."""
        target = self._root * (y - self._w @ y / len(y))
        fitted = self._z @ (self._inverse * (self._z.T @ target)[:, None])
        residuals: Floats = target[:, None] - fitted
        return residuals

    def choose(self, y: Floats) -> int:
        """Return the index of the penalty with the least leave-one-out error.

        The mean alone is kept unless the best penalty beats it by one standard error of the paired difference.
        """
        squares = self.leave_one_out(y) ** 2
        best = int(np.argmin(squares.mean(axis=0)))
        gain = squares[:, -1] - squares[:, best]
        error = gain.std(ddof=1) / np.sqrt(len(gain)) if len(gain) > 1 else np.inf
        return best if gain.mean() > error else len(self.penalties) - 1

    def fit(self, y: Floats, index: int) -> Ridge:
        """Return the model of one penalty, ``index`` counting :attr:`penalties`."""
        n = len(y)
        mean = float(self._w @ y / n)
        inverse = self._inverse[:, index]
        constant = not np.isfinite(self.penalties[index])
        weights = self._basis @ (inverse * (self._z.T @ (self._root * (y - mean))))
        return Ridge(
            intercept=mean,
            center=self._center,
            coefficients=weights * self._unit,
            factor=np.zeros(0) if constant else self._unit[:, None] * self._root_of_inverse(index),
            center_leverage=1.0 / n,
        )

    def _root_of_inverse(self, index: int) -> Floats:
        """Return ``F`` with ``F @ F.T`` the inverse of ``X'X`` plus the penalty, ``(d, d)``."""
        root = np.sqrt(self._inverse[:, index])
        if self._basis.shape[0] == self._basis.shape[1]:
            return np.asarray(self._basis * root)
        flat = 1.0 / np.sqrt(self.penalties[index])  # in the directions that no row has
        return np.asarray(flat * np.eye(len(self._basis)) + (self._basis * (root - flat)) @ self._basis.T)
