"""Bayesian linear regression whose blocks of features each have a prior variance of their own, learned from the data.

Totals over the layers, products of totals and the choices of single layers explain a quality to different degrees: one
penalty for all shrinks the important ones too much and the others too little. The variances maximise the marginal
likelihood. Qualities saturate, so the target may first be transformed to the logarithm of its distance to a bound;
which transform, leave-one-out likelihood decides.

Papers: Zhou, Hu, Zhou and Lange, "MM algorithms for variance components models" (2019), the update of the variances;
Rasmussen and Williams, "Gaussian processes for machine learning" (2006), 5.4.2, leave-one-out residuals in closed form.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, overload

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dpotrf, dpotri

from predictors.target_transform import TargetTransform, candidate_transforms

__all__ = ["BlockRidge"]

Floats = NDArray[np.float64]
# The variances are learned on so many rows at most, so that the time does not grow with the history.
_LEARNED_ON = 192
_STEPS, _MORE_STEPS = 10, 4
# Choosing transform and variances costs as many rows as so many parameters would.
_SPENT = 10.0
# Variances are relative to the target's. The intercept is hardly penalised; the noise is never believed to be nothing.
_INTERCEPT, _NOISE_AT_FIRST, _LEAST_NOISE, _LEAST = 100.0, 0.05, 1e-4, 1e-8


@dataclass(frozen=True, kw_only=True, slots=True)
class BlockRidge:
    """A fitted model, and the uncertainty of its weights.

    ``coefficients`` is ``(1 + d,)`` with the intercept first; ``factor`` ``(1 + d, r)`` is a root of their covariance;
    ``noise`` is the standard deviation of an observation around the model. All are in units of the transformed target.
    """

    coefficients: Floats
    factor: Floats
    noise: float
    target_transform: TargetTransform

    @classmethod
    def fit(cls, x: Floats, y: Floats, *, blocks: Sequence[slice]) -> BlockRidge:
        """Fit to ``(n, d)`` features and ``(n,)`` targets; each of ``blocks`` is a range of columns.

        Of a long history a fixed choice of rows, evenly spread over its order, teaches the variances; all rows teach
        the weights.
        """
        rows = np.unique(np.linspace(0, len(y) - 1, min(len(y), _LEARNED_ON)).astype(np.intp))
        center = x[rows].mean(axis=0)
        used, grams, units = [], [], []
        for block in blocks:
            part = x[rows, block] - center[block]
            power = float((part**2).sum())
            if power > 0:
                used.append(block)
                units.append(len(rows) / power)
                grams.append(part @ part.T * units[-1])
        target_transforms = candidate_transforms(y)
        transformed = np.stack([target_transform.forward(y[rows]) for target_transform in target_transforms], axis=1)
        mean, scale = transformed.mean(axis=0), transformed.std(axis=0)
        scale[scale == 0] = 1.0
        slopes = np.array([np.log(target_transform.slope(y[rows])).mean() for target_transform in target_transforms])
        choice, variances, noise, inflation = _learn(
            grams, (transformed - mean) / scale, log_slopes=slopes - np.log(scale)
        )
        wide = inflation * scale[choice]

        prior = np.zeros(x.shape[1])
        for block, variance, unit in zip(used, variances, units, strict=True):
            prior[block] = variance * unit
        root = np.sqrt(np.r_[_INTERCEPT, prior])
        design = np.concatenate([np.ones((len(y), 1)), x - center], axis=1) * root
        target = (target_transforms[choice].forward(y) - mean[choice]) / scale[choice]
        values, basis = np.linalg.eigh(design.T @ design)
        values = np.maximum(values, 0.0) + noise
        coefficients = root * (basis @ (basis.T @ (design.T @ target) / values)) * scale[choice]
        factor = root[:, None] * basis * (np.sqrt(noise / values) * wide)
        coefficients[0] += mean[choice] - center @ coefficients[1:]
        factor[0] -= center @ factor[1:]
        return cls(
            coefficients=coefficients,
            factor=factor,
            noise=float(np.sqrt(noise) * wide),
            target_transform=target_transforms[choice],
        )

    @overload
    def predict(self, x: Floats, *, return_std: Literal[False] = False) -> Floats: ...

    @overload
    def predict(self, x: Floats, *, return_std: Literal[True]) -> tuple[Floats, Floats]: ...

    def predict(self, x: Floats, *, return_std: bool = False) -> Floats | tuple[Floats, Floats]:
        """Return the expected target, with ``return_std`` also the standard deviation of an observation, ``(n,)``."""
        mean = self.target_transform.backward(x @ self.coefficients[1:] + self.coefficients[0])
        if not return_std:
            return mean
        projected = x @ self.factor[1:]
        projected += self.factor[0]
        spread = np.sqrt(np.einsum("ij,ij->i", projected, projected) + self.noise**2)
        return mean, spread / self.target_transform.slope(mean)


def _learn(grams: Sequence[Floats], targets: Floats, *, log_slopes: Floats) -> tuple[int, Floats, float, float]:
    """Return which of the ``(n, transforms)`` standardised targets is taken, the variances of the blocks and the noise.

    Transform and variances need each other: they are chosen in turns, until the transform stays. The last value is by
    how much deviations have to be widened: to what leave-one-out errors are, and for the variances being chosen on few
    rows.
    """
    variances, noise, choice = np.full(len(grams), 1.0 / max(len(grams), 1)), _NOISE_AT_FIRST, -1
    n = len(targets)
    inverse = _inverse(grams, variances, noise, n)
    for steps in (_STEPS, _MORE_STEPS, _MORE_STEPS):
        errors = (inverse @ targets) / np.diag(inverse)[:, None]
        best = int(np.argmin(0.5 * np.log((errors**2).mean(axis=0) + 1e-300) - log_slopes))
        if best == choice:
            break
        choice = best
        for _ in range(steps):
            weights = inverse @ targets[:, choice]
            explained = np.array([weights @ gram @ weights for gram in grams])
            spent = np.array([np.vdot(inverse, gram) for gram in grams])
            variances = np.maximum(variances * np.sqrt(explained / np.maximum(spent, 1e-300)), _LEAST)
            noise = max(noise * float(np.sqrt(weights @ weights / np.trace(inverse))), _LEAST_NOISE)
            inverse = _inverse(grams, variances, noise, n)
    errors_in_deviations = (inverse @ targets[:, choice]) ** 2 / np.diag(inverse)
    return choice, variances, noise, float(np.sqrt(max(errors_in_deviations.mean(), 1.0) * (1.0 + _SPENT / n)))


def _inverse(grams: Sequence[Floats], variances: Floats, noise: float, n: int) -> Floats:
    """Return the inverse of the ``(n, n)`` covariance of the targets."""
    total = np.full((n, n), _INTERCEPT)
    for gram, variance in zip(grams, variances, strict=True):
        total += variance * gram
    total[np.diag_indices(n)] += noise
    root, failed = dpotrf(total, lower=1)
    assert not failed, "the noise keeps the covariance positive"
    half, failed = dpotri(root, lower=1)
    assert not failed, "the noise keeps the covariance positive"
    lower = np.tril(half)
    return np.asarray(lower + np.tril(lower, -1).T)
