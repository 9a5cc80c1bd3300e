"""The error that a network will have after more steps, with uncertainty: a Gaussian process over learning curves.

The logarithm of the error is a common curve over the logarithm of the steps, plus what a network's features say of its
level and its slope, plus what only its own observations say of both: a network that was observed keeps its surprise
(freeze-thaw), one that was not is predicted from those of like features. Everything is closed algebra on a few hundred
observations: a fit takes milliseconds.

Papers: Swersky et al. 2014 (Freeze-Thaw Bayesian Optimization); Klein et al. 2017 (Learning Curve Prediction with
Bayesian Neural Networks); Rasmussen & Williams 2006, 5.4 (marginal likelihood).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve, solve_triangular

__all__ = ["CurveModel", "Hyperparameters"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
# Prior means of the slope and the curvature of the logarithm of the error, over the logarithm of the steps scaled to 0
# for a full training and 1 for the first rung: errors fall fast at first. And deviations of level, slope, curvature.
_SLOPE, _CURVATURE = 1.3, 0.8
_COMMON = (3.0, 0.8, 0.5)
_JITTER = 1e-6
_FACTORS = (0.4, 2.5)
_SWEEPS = 2
# Standard deviation of the logarithms of the hyperparameters around their defaults: a few points cannot claim much.
_BELIEF = 1.5
_LEAST_NOISE = 0.03


@dataclass(frozen=True, kw_only=True, slots=True)
class Hyperparameters:
    """Variances in squared logarithms of the error, and a length in standardised features.

    The defaults are beliefs that a fit begins with. On the digits, beliefs that networks converge (``linear`` .06,
    ``smooth`` .03, ``slope`` 8), as random ones that train alone do, found worse fronts:
    ``benchmarks/results/anytime_priors_*.json``.

    ``linear`` and ``smooth`` are those of the level that features explain, ``slope`` relates the slope's to the
    level's; ``own`` and ``own_slope`` are of a network's own surprise, ``noise`` comes on top of what is known of each
    observation.
    """

    linear: float = 0.5
    smooth: float = 0.2
    length: float = 1.0
    slope: float = 0.5
    own: float = 0.04
    own_slope: float = 0.1
    noise: float = 0.01


class CurveModel:
    """Predicts the logarithm of the error of any network after any number of steps.

    Parameters
    ----------
    first, full
        Steps of the shortest training and of a full one; between them the curve is modelled.
    """

    def __init__(self, *, first: float, full: float) -> None:
        if not (0 < first < full):
            raise ValueError(f"rungs from {first} to {full}")
        self.first, self.full = first, full
        self.hyperparameters = Hyperparameters()
        self._fitted_rows = 0

    def fit(
        self, features: Floats, *, network: Ints, steps: Floats, log_error: Floats, noise: Floats, learn: bool = True
    ) -> CurveModel:
        """Fit to observations, ``(n,)`` each, of networks with ``features`` ``(n, d)``.

        Parameters
        ----------
        network
            A number for each network: observations of one network share it.
        noise
            Standard deviation of each logarithm as far as it is known, such as that of a finite validation split.
        learn
            Whether hyperparameters may change, which later fits start from.
        """
        self._center = features.mean(axis=0)
        spread = features.std(axis=0)
        alive = spread > 1e-9
        self._unit = np.where(alive, 1.0 / np.where(alive, spread, 1.0), 0.0) / math.sqrt(max(int(alive.sum()), 1))
        self._x, self._network, self._t = self._scaled(features), network, self._time(steps)
        self._y = log_error - _mean(self._t)
        self._level = float(np.mean(self._y))
        self._y = self._y - self._level
        self._variance = np.maximum(noise, _LEAST_NOISE) ** 2
        self._parts = self._products(self._x, self._network, self._t)
        if learn and len(self._y) >= 1.2 * self._fitted_rows:  # a slow search for better ones, only once there is news
            self.hyperparameters = self._best_hyperparameters()
            self._fitted_rows = len(self._y)
        self._factor = cho_factor(self._covariance(self.hyperparameters), lower=True)
        self._weights = cho_solve(self._factor, self._y)
        return self

    def predict(self, features: Floats, *, network: Ints, steps: Floats) -> tuple[Floats, Floats]:
        """Return mean and standard deviation of the logarithm of the error, ``(n,)`` each, without observation noise.

        ``network`` is -1 for one that was never observed.
        """
        x, t = self._scaled(features), self._time(steps)
        h = self.hyperparameters
        cross = _kernel(self._products(x, network, t), h)
        mean = self._level + _mean(t) + cross @ self._weights
        half = solve_triangular(self._factor[0], cross.T, lower=True, check_finite=False)
        slope = 1.0 + h.slope * t * t
        prior = _common(t, t, aligned=True) + (h.linear * (x * x).sum(axis=1) + h.smooth) * slope
        prior += h.own + h.own_slope * t * t
        variance = np.maximum(prior - (half * half).sum(axis=0), 1e-10)
        return mean, np.sqrt(variance)

    def _scaled(self, features: Floats) -> Floats:
        scaled: Floats = (features - self._center) * self._unit
        return scaled

    def _time(self, steps: Floats) -> Floats:
        """Return 1 at the first rung, 0 at the full training, a little below 0 beyond it."""
        t: Floats = np.log(self.full / np.maximum(steps, self.first / 4)) / math.log(self.full / self.first)
        return np.maximum(t, -0.5)

    def _products(self, x: Floats, network: Ints, t: Floats) -> tuple[Floats, ...]:
        """Return what kernels are made of, ``(n, observations)`` each; they do not depend on hyperparameters."""
        inner = x @ self._x.T
        square = (x * x).sum(axis=1)[:, None] + (self._x * self._x).sum(axis=1) - 2.0 * inner
        same = (network[:, None] == self._network) & (network >= 0)[:, None]
        return inner, np.maximum(square, 0.0), t[:, None] * self._t, same.astype(float), _common(t, self._t)

    def _covariance(self, h: Hyperparameters) -> Floats:
        covariance = _kernel(self._parts, h)
        covariance[np.diag_indices(len(covariance))] += self._variance + h.noise + _JITTER
        return covariance

    def _loss(self, h: Hyperparameters) -> float:
        """Return the negative logarithm of the posterior of the hyperparameters."""
        try:
            factor = cho_factor(self._covariance(h), lower=True, check_finite=False)
        except np.linalg.LinAlgError:
            return math.inf
        likelihood = 0.5 * float(self._y @ cho_solve(factor, self._y)) + float(np.log(np.diag(factor[0])).sum())
        ratios = np.log(np.array(astuple(h)) / np.array(astuple(Hyperparameters())))
        return likelihood + 0.5 * float(ratios @ ratios) / _BELIEF**2

    def _best_hyperparameters(self) -> Hyperparameters:
        """Return the result of a coordinate search from the present ones: each alone a step down or up."""
        best = list(astuple(self.hyperparameters))
        least = self._loss(self.hyperparameters)
        for _ in range(_SWEEPS):
            for i in range(len(best)):
                for factor in _FACTORS:
                    tried = _hyperparameters([*best[:i], best[i] * factor, *best[i + 1 :]])
                    loss = self._loss(tried)
                    if loss < least:
                        least, best = loss, list(astuple(tried))
                        break
        return _hyperparameters(best)


def _hyperparameters(values: Sequence[float]) -> Hyperparameters:
    return Hyperparameters(**dict(zip(Hyperparameters.__slots__, values, strict=True)))


def _kernel(parts: tuple[Floats, ...], h: Hyperparameters) -> Floats:
    inner, square, times, same, common = parts
    features = h.linear * inner + h.smooth * np.exp(square * (-0.5 / h.length**2))
    covariance: Floats = features * (1.0 + h.slope * times) + same * (h.own + h.own_slope * times) + common
    return covariance


def _mean(t: Floats) -> Floats:
    mean: Floats = _SLOPE * t + _CURVATURE * t * np.abs(t)
    return mean


def _common(t: Floats, other: Floats, *, aligned: bool = False) -> Floats:
    """Return the covariance of the curve that all networks share, ``(n, m)``; with ``aligned`` that of pairs."""
    times = t * other if aligned else t[:, None] * other
    level, slope, curvature = (deviation**2 for deviation in _COMMON)
    covariance: Floats = level + slope * times + curvature * times**2
    return covariance
