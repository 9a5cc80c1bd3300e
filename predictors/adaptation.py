"""Latency on a new device from a handful of measurements there, given the latencies on other devices.

The new device is thought of as one of the known ones times a factor (it is not known which), corrected by a mixture of
all of them, corrected by analytic terms (overheads, FLOPs, bytes). How large the second correction usually is can be
learned from the known devices alone: each in turn is explained by the others, and what remains is expressed in the
analytic terms. So the correction is used where mixing known devices is known to fail, and a device unlike all others
is still met by the analytic terms once there are samples enough. All scales are averaged over by marginal likelihood.

Papers: Lee et al. 2021 (HELP); Akhauri and Abdelfattah 2024 (NASFLAT): the problem and its data. The design is ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin

from predictors.checks import checked_matrix, checked_targets
from predictors.few_shot import FewShotRegressor
from predictors.persistence import finite_array, require_fitted
from search_space.errors import ProfileError

__all__ = ["DeviceAdapter"]

Floats = NDArray[np.float64]
# Of the mixture that explains a known device by the others, when the usual corrections are learned.
_MIXTURE_PENALTY = 0.02
_SMALLEST_SCALE = 1e-4


class DeviceAdapter(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Predicts a new device's latency from the latencies of known devices and from analytic terms.

    A row is ``(k + d,)``: the latencies of the ``k`` known devices (measured or predicted), then ``d`` analytic terms.

    Parameters
    ----------
    num_known
        The number ``k`` of known devices.
    learned
        Whether the size of each analytic correction is learned from the known devices, which helps where the new one
        is of their kind; needs two of them. Otherwise every term keeps its own size, and a single one may explain the
        device by itself.
    spreads, noises, relative
        Candidate scales of the two corrections and of the noise, see :class:`FewShotRegressor`.

    Attributes
    ----------
    unit_
        ``(k,)`` median latency of each known device, which makes them comparable.
    scale_
        ``(d,)`` usual size of each term's correction, as a share of a median latency.
    regressor_
        The fitted mixture.
    """

    unit_: Floats
    scale_: Floats
    regressor_: FewShotRegressor

    def __init__(
        self,
        *,
        num_known: int = 1,
        learned: bool = True,
        spreads: Sequence[float] = (0.01, 0.03, 0.1, 0.3, 1.0),
        noises: Sequence[float] = (0.001, 0.003, 0.01, 0.03, 0.1),
        relative: bool = True,
    ) -> None:
        self.num_known = num_known
        self.learned = learned
        self.spreads = spreads
        self.noises = noises
        self.relative = relative

    def fit(self, X: Floats, y: Floats, *, pool: Floats | None = None) -> DeviceAdapter:
        """Fit to latencies ``(n,)`` of the new device at ``(n, k + d)``.

        Parameters
        ----------
        X, y
            The few networks that were measured on the new device, and their latencies.
        pool
            ``(m, k + d)`` rows of many networks, which the known devices alone need to have measured: the usual
            latencies and corrections are learned on them. Default: ``X``.

        Raises
        ------
        ProfileError
            For shapes that disagree, numbers that are not finite and latencies that are not positive.
        """
        X = checked_matrix("X", X)
        y = checked_targets("y", y, rows=len(X), positive=True)
        everything = X if pool is None else checked_matrix("pool", pool, columns=X.shape[1])
        k = self.num_known
        if not 0 < k <= X.shape[1] or not (everything[:, :k] > 0).all():
            raise ProfileError(
                "X",
                expected=f"positive latencies of {k} known devices in its first columns",
                got=f"{X.shape[1]} columns",
                remedy="pass num_known=, and the known latencies first",
            )
        self.unit_ = np.median(everything[:, :k], axis=0)
        self.scale_ = self._usual_corrections(everything[:, k:], everything[:, :k])
        self.regressor_ = FewShotRegressor(
            groups=[0] * k + [1] * len(self.scale_),
            alternatives=range(k if self.learned else k + len(self.scale_)),
            spreads=self.spreads,
            noises=self.noises,
            relative=self.relative,
        ).fit(self._design(X), y)
        return self

    def _usual_corrections(self, terms: Floats, known: Floats) -> Floats:
        """Return how large the correction by each term usually is, ``(d,)``: what others do not explain of a device."""
        if not self.learned or known.shape[1] < 2:
            return np.ones(terms.shape[1])
        relative = known / self.unit_
        corrections = [self._unexplained(terms, relative, k) for k in range(relative.shape[1])]
        usual: Floats = np.sqrt(np.median(np.square(corrections), axis=0)) + _SMALLEST_SCALE
        return usual

    def _unexplained(self, terms: Floats, latency: Floats, device: int) -> Floats:
        """Return the coefficients of what the other devices do not explain of one, ``(d,)``."""
        others = np.delete(latency, device, axis=1)
        weight = 1.0 / latency[:, device] if self.relative else np.ones(len(latency))
        target = latency[:, device] * weight
        mixture = _ridge(others * weight[:, None], target, _MIXTURE_PENALTY)
        rest = target - (others * weight[:, None]) @ mixture
        return _ridge(terms * weight[:, None], rest, 1e-6)

    def _design(self, X: Floats) -> Floats:
        return np.concatenate([X[:, : self.num_known] / self.unit_, X[:, self.num_known :] * self.scale_], axis=1)

    @overload
    def predict(self, X: Floats, *, return_std: Literal[False] = False) -> Floats: ...

    @overload
    def predict(self, X: Floats, *, return_std: Literal[True]) -> tuple[Floats, Floats]: ...

    def predict(self, X: Floats, *, return_std: bool = False) -> Floats | tuple[Floats, Floats]:
        """Return the expected latency ``(n,)``, with ``return_std`` also a new measurement's deviation."""
        require_fitted(self, "regressor_")
        design = self._design(checked_matrix("X", X, columns=self.num_known + len(self.scale_)))
        return self.regressor_.predict(design, return_std=True) if return_std else self.regressor_.predict(design)

    def to_dict(self) -> dict[str, Any]:
        """Return what a prediction needs as plain numbers and lists."""
        require_fitted(self, "regressor_")
        return {
            "learned": self.learned,
            "unit": self.unit_.tolist(),
            "scale": self.scale_.tolist(),
            "regressor": self.regressor_.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> DeviceAdapter:
        """Read what :meth:`to_dict` returned; raises ``ValueError`` or ``KeyError`` for anything else."""
        self = cls(num_known=len(data["unit"]), learned=bool(data["learned"]))
        self.unit_, self.scale_ = finite_array(data["unit"]), finite_array(data["scale"])
        self.regressor_ = FewShotRegressor.from_dict(data["regressor"])
        self.relative = self.regressor_.relative
        if len(self.regressor_.coef_) != len(self.unit_) + len(self.scale_):
            raise ValueError("the number of coefficients does not fit the devices and terms")
        return self


def _ridge(x: Floats, y: Floats, penalty: float) -> Floats:
    """Return ridge coefficients ``(d,)`` with the penalty relative to one row."""
    moment = x.T @ x / len(x) + penalty * np.eye(x.shape[1])
    return np.linalg.solve(moment, x.T @ y / len(x)).astype(np.float64, copy=False)
