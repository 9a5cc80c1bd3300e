"""A kernel table of a new device from the table of a known one and a few measurements.

What is learned is the log ratio of the new device's latency to the known one's. With no measurement it is what the
specification sheets promise (:mod:`benchmarks.latency_prediction.roofline`). From some tens on it is the mean of three
regressors, each fitted around that promise and around a constant: a Gaussian process, extremely randomised trees and
boosting. They err in different places, and the mean was ahead of each of them at 20, 100 and 500 measurements of
another precision.
Intervals are conformal: the Gaussian process's spread, scaled by its leave-one-out residuals.

Papers: Rasmussen and Williams 2006, 5.4.2 (leave-one-out in closed form); Geurts, Ernst and Wehenkel 2006 (extremely
randomised trees); Vovk, Gammerman and Shafer 2005 (conformal prediction).
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve
from scipy.spatial import cKDTree
from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

__all__ = ["KernelTable", "TableTransfer"]

Floats = NDArray[np.float64]
_FEWEST = 5
_TREES = 200


class KernelTable:
    """Measured latencies of one kernel family, interpolated between its sizes.

    Parameters
    ----------
    sizes
        ``(n, d)`` positive sizes, one row a kernel.
    latency_ms
        ``(n,)`` measured.
    bound_ms
        ``(n,)`` a bound such as the roofline; what is interpolated is how far above it the kernel runs.
    """

    def __init__(self, sizes: Floats, *, latency_ms: Floats, bound_ms: Floats) -> None:
        if not (np.all(latency_ms > 0) and np.all(bound_ms > 0) and np.all(sizes > 0)):
            raise ValueError("sizes and latencies: expected positive numbers; drop the rows that are not")
        self._tree = cKDTree(np.log2(sizes))
        self._excess = np.log(latency_ms / bound_ms)

    def predict(self, sizes: Floats, *, bound_ms: Floats, neighbours: int = 4) -> Floats:
        """Return latencies ``(m,)`` in ms: exact at measured sizes, weighted by inverse distance between them."""
        return np.asarray(np.exp(self._interpolated(sizes, neighbours, skip_self=False)) * bound_ms)

    def deviation(self, sizes: Floats, *, latency_ms: Floats, bound_ms: Floats, neighbours: int = 4) -> Floats:
        """Return by how much ``(m,)`` each log-latency differs from that of the sizes around it: noise and steps."""
        around = self._interpolated(sizes, neighbours, skip_self=True)
        result: Floats = np.log(latency_ms / bound_ms) - around
        return result

    def _interpolated(self, sizes: Floats, neighbours: int, *, skip_self: bool) -> Floats:
        wanted = min(neighbours + skip_self, len(self._excess))
        distance, index = self._tree.query(np.log2(sizes), k=wanted)
        distance, index = distance.reshape(len(sizes), -1), index.reshape(len(sizes), -1)
        weight = 1.0 / np.maximum(distance, 1e-9)
        if skip_self and wanted > 1:
            weight[distance < 1e-9] = 0.0
        total = weight.sum(axis=1)
        weight[total == 0.0] = 1.0
        result: Floats = (weight * self._excess[index]).sum(axis=1) / weight.sum(axis=1)
        return result


class TableTransfer:
    """Regressor of a log ratio around a prior.

    Parameters
    ----------
    seed
        Of the trees and of boosting.

    Attributes
    ----------
    gaussian_process_
        The Gaussian process around the prior, which also gives the spread.
    scores_
        Sorted leave-one-out residuals of that process in units of its spread.
    """

    gaussian_process_: GaussianProcessRegressor
    scores_: Floats

    def __init__(self, *, seed: int = 0) -> None:
        self.seed = seed

    def fit(self, features: Floats, log_ratio: Floats, *, prior: Floats) -> TableTransfer:
        """Fit on measured kernels: features ``(n, d)``, log ratio ``(n,)`` and its prior ``(n,)``."""
        n = len(log_ratio)
        if n < _FEWEST:
            raise ValueError(f"log_ratio: expected at least {_FEWEST} kernels, got {n}; use the prior alone")
        if not all(np.isfinite(part).all() for part in (features, log_ratio, prior)):
            raise ValueError("features, log_ratio, prior: expected finite numbers")
        self._center = features.mean(axis=0)
        spread = features.std(axis=0)
        self._unit = np.where(spread > 1e-9, 1.0 / np.maximum(spread, 1e-9), 0.0)
        x = self._scaled(features)
        self._members: list[tuple[float, bool, Any]] = []
        for around_prior in (True, False):
            target = log_ratio - prior if around_prior else log_ratio
            middle = float(np.median(target))
            for model in self._models(n, features.shape[1]):
                with warnings.catch_warnings():
                    # A hyperparameter at the end of its range is an answer, not a failure.
                    warnings.simplefilter("ignore", ConvergenceWarning)
                    self._members.append((middle, around_prior, model.fit(x, target - middle)))
        self.gaussian_process_ = self._members[0][2]
        inverse = cho_solve((self.gaussian_process_.L_, True), np.eye(n)).diagonal()
        self.scores_ = np.sort(np.abs(self.gaussian_process_.alpha_) / np.sqrt(inverse))
        return self

    def _models(self, n: int, features: int) -> tuple[Any, ...]:
        length = math.sqrt(features)
        kernel = ConstantKernel(0.02, (1e-4, 1.0)) * RBF(length, (0.1 * length, 10 * length))
        return (
            GaussianProcessRegressor(kernel + WhiteKernel(0.003, (1e-5, 0.1)), alpha=1e-8, random_state=self.seed),
            ExtraTreesRegressor(_TREES, max_features=0.5, random_state=self.seed),
            HistGradientBoostingRegressor(
                loss="absolute_error",
                max_iter=150,
                learning_rate=0.06,
                min_samples_leaf=max(3, min(10, n // 12)),
                l2_regularization=1.0,
                max_features=0.5,
                early_stopping=False,
                random_state=self.seed,
            ),
        )

    def _scaled(self, features: Floats) -> Floats:
        # Far outside of what was seen every feature stops moving, as trees do by themselves.
        return np.asarray(np.clip((features - self._center) * self._unit, -4.0, 4.0))

    def predict(self, features: Floats, *, prior: Floats) -> Floats:
        """Return the expected log ratio ``(m,)``."""
        x = self._scaled(features)
        parts = [model.predict(x) + middle + (prior if around else 0.0) for middle, around, model in self._members]
        return np.asarray(np.mean(parts, axis=0))

    def predict_interval(self, features: Floats, *, prior: Floats, coverage: float = 0.9) -> Floats:
        """Return ``(m, 2)`` bounds of the log ratio that hold a new measurement with probability ``coverage``."""
        if not 0.0 < coverage < 1.0:
            raise ValueError(f"coverage: expected a number between 0 and 1, got {coverage}; 0.9 is usual")
        middle = self.predict(features, prior=prior)
        spread = self.gaussian_process_.predict(self._scaled(features), return_std=True)[1]
        n = len(self.scores_)
        rank = math.ceil((n + 1) * coverage)
        # Too few kernels for the quantile: the largest residual, widened as one more could have been larger.
        score = self.scores_[rank - 1] if rank <= n else self.scores_[-1] * rank / n
        half = score * spread
        return np.stack([middle - half, middle + half], axis=1)
