"""Linear regression from a handful of measurements, with every scale averaged over instead of chosen.

A latency is a sum of terms (overheads, FLOPs, bytes, latencies of other devices) with unknown coefficients. With five
to a hundred measurements the question is how far each group of coefficients may move. Every combination of group
scales and noise from a small grid is one Gaussian model, whose marginal likelihood is known in closed form; the fit is
the average of all of them, weighted by it. Where the data cannot decide, the answer lies between, and the interval is
wide. The average of linear models is one linear model: coefficients and their covariance are all that is kept.

Papers: MacKay 1992 (Bayesian interpolation: evidence); Hoeting et al. 1999 (Bayesian model averaging).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin

from predictors.checks import checked_matrix, checked_targets
from predictors.persistence import finite_array, require_fitted
from search_space.errors import ProfileError

__all__ = ["FewShotRegressor"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]
# Members of the mixture that weigh less do not count; keeps the covariance cheap.
_NEGLIGIBLE = 1e-4


def _forward(factors: Floats, right: Floats) -> Floats:
    """Solve ``L x = b`` for a stack of lower triangles ``(h, n, n)`` and right sides ``(h, n, m)``."""
    solution = np.empty(right.shape)
    for i in range(right.shape[1]):
        known = np.einsum("hj,hjm->hm", factors[:, i, :i], solution[:, :i])
        solution[:, i] = (right[:, i] - known) / factors[:, i, i, None]
    return solution


class FewShotRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Bayesian linear regression over groups of columns, averaged over the groups' scales.

    Parameters
    ----------
    groups
        Group of every column, counting from 0; one group by default. Columns of a group share one unknown scale, so
        bring them to comparable size first, such as their share in the largest network. Include a column of ones.
    alternatives
        Columns of which one, it is not known which, may explain the target by itself: each member of the mixture lets
        another one move freely. Latencies of other devices, for example.
    spreads
        Candidate scales of a group's coefficients, in units of the median target.
    noises
        Candidate standard deviations of the noise, relative to the target or to the median target.
    relative
        Whether errors count relative to each target (a percentage error) or all alike.

    Attributes
    ----------
    coef_
        ``(d,)`` mean coefficients, in the target's unit.
    covariance_
        ``(d, d)`` of the coefficients, within and between the members.
    noise_
        Standard deviation of the noise: a share of the prediction when ``relative``, in the target's unit otherwise.
    log_evidence_
        Of the whole mixture, for comparing sets of columns.
    """

    coef_: Floats
    covariance_: Floats
    noise_: float
    log_evidence_: float

    def __init__(
        self,
        *,
        groups: Sequence[int] | None = None,
        alternatives: Sequence[int] = (),
        spreads: Sequence[float] = (0.01, 0.03, 0.1, 0.3, 1.0),
        noises: Sequence[float] = (0.001, 0.003, 0.01, 0.03, 0.1),
        relative: bool = True,
    ) -> None:
        self.groups = groups
        self.alternatives = alternatives
        self.spreads = spreads
        self.noises = noises
        self.relative = relative

    def fit(self, X: Floats, y: Floats) -> FewShotRegressor:
        """Fit positive targets ``(n,)`` at ``(n, d)``; raises ``ProfileError`` for targets that no clock shows."""
        X = checked_matrix("X", X)
        y = checked_targets("y", y, rows=len(X), positive=True)
        groups = np.zeros(X.shape[1], int) if self.groups is None else np.asarray(self.groups)
        if groups.shape != (X.shape[1],):
            raise ProfileError(
                "groups", expected=f"one a column ({X.shape[1]},)", got=str(groups.shape), remedy="name every column's"
            )
        unit = float(np.median(y))
        weights = unit / y if self.relative else np.ones(len(y))
        rows, target = X * weights[:, None], y * weights / unit
        self._average(rows, target, self._variances(groups), np.square(np.asarray(self.noises, float)), unit)
        return self

    def _variances(self, groups: Integers) -> Floats:
        """Return the prior variance of every column under each choice of scales, ``(choices, d)``."""
        scales = np.array(list(itertools.product(self.spreads, repeat=int(groups.max(initial=0)) + 1)))
        variances = scales[:, groups] ** 2
        if len(self.alternatives):
            free = np.zeros((len(self.alternatives), len(groups)))
            free[np.arange(len(self.alternatives)), list(self.alternatives)] = 1.0
            variances = (variances[None] + free[:, None]).reshape(-1, len(groups))
        result: Floats = variances
        return result

    def _average(self, rows: Floats, target: Floats, variances: Floats, noises: Floats, unit: float) -> None:
        """Weigh the members by their evidence and keep the moments of their coefficients."""
        n, width = rows.shape
        # Kernels of all members at once: sum over columns of variance x outer product, plus noise.
        outer = (rows.T[:, :, None] * rows.T[:, None, :]).reshape(width, n * n)
        kernels = (variances @ outer).reshape(-1, n, n)
        kernels = np.tile(kernels, (len(noises), 1, 1))
        variances, noises = np.tile(variances, (len(noises), 1)), np.repeat(noises, len(variances))
        kernels[:, np.arange(n), np.arange(n)] += noises[:, None]
        factors: Floats = np.linalg.cholesky(kernels).astype(np.float64, copy=False)
        white = _forward(factors, np.broadcast_to(target[:, None], (len(kernels), n, 1)))[..., 0]
        log_evidence = -0.5 * np.einsum("hn,hn->h", white, white)
        log_evidence -= np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(axis=1) + 0.5 * n * np.log(2 * np.pi)
        top = log_evidence.max()
        weight = np.exp(log_evidence - top)
        self.log_evidence_ = float(top + np.log(weight.mean()))
        weight /= weight.sum()
        kept = np.flatnonzero(weight > _NEGLIGIBLE)
        weight = weight[kept] / weight[kept].sum()
        variance, factor = variances[kept], factors[kept]
        # Posterior of a member: mean V R' K^-1 t, covariance V - V R' K^-1 R V.
        gain = _forward(factor, np.broadcast_to(rows, (len(kept), n, width))) * variance[:, None, :]
        means = np.einsum("hnd,hn->hd", gain, white[kept])
        mean = weight @ means
        scaled = (gain * np.sqrt(weight)[:, None, None]).reshape(-1, width)
        covariance = np.diag(weight @ variance) - scaled.T @ scaled
        between = means - mean
        covariance += (between * weight[:, None]).T @ between
        self.coef_ = unit * mean
        self.covariance_ = unit**2 * covariance
        self.noise_ = float(np.sqrt(weight @ noises[kept])) * (1.0 if self.relative else unit)

    @overload
    def predict(self, X: Floats, *, return_std: Literal[False] = False) -> Floats: ...

    @overload
    def predict(self, X: Floats, *, return_std: Literal[True]) -> tuple[Floats, Floats]: ...

    def predict(self, X: Floats, *, return_std: bool = False) -> Floats | tuple[Floats, Floats]:
        """Return the expected target ``(n,)`` at ``(n, d)``, with ``return_std`` also a new measurement's deviation."""
        require_fitted(self, "coef_")
        X = checked_matrix("X", X, columns=len(self.coef_))
        mean: Floats = np.einsum("nd,d->n", X, self.coef_)
        if not return_std:
            return mean
        noise = self.noise_ * (np.abs(mean) if self.relative else np.ones(len(X)))
        spread = np.maximum(np.einsum("nd,de,ne->n", X, self.covariance_, X), 0.0)
        return mean, np.sqrt(spread + noise**2)

    def to_dict(self) -> dict[str, Any]:
        """Return what a prediction needs as plain numbers and lists."""
        require_fitted(self, "coef_")
        return {
            "relative": self.relative,
            "coef": self.coef_.tolist(),
            "covariance": self.covariance_.tolist(),
            "noise": self.noise_,
            "log_evidence": self.log_evidence_,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> FewShotRegressor:
        """Read what :meth:`to_dict` returned; raises ``ValueError`` or ``KeyError`` for anything else."""
        self = cls(relative=bool(data["relative"]))
        self.coef_ = finite_array(data["coef"])
        width = len(self.coef_)
        self.covariance_ = finite_array(np.ravel(data["covariance"]), length=width**2).reshape(width, width)
        self.noise_, self.log_evidence_ = (float(v) for v in finite_array([data["noise"], data["log_evidence"]]))
        return self
