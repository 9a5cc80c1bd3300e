"""Quality of networks, such as their validation error, with uncertainty: a surrogate that refits in milliseconds.

A ridge regression on the features of the genes. Errors saturate, so the target may first be bent to the logarithm of
its distance to a bound below or above the data; leave-one-out likelihood picks the bound and the penalty together.

Papers: White et al. 2021 (How Powerful are Performance Predictors in Neural Architecture Search?); Box and Cox 1964
(likelihood of a transform).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from predictors.persistence import dump_predictor, load_predictor, require_fitted
from predictors.ridge import Ridge, RidgePath
from search_space import Genes, SearchSpace, features
from search_space.errors import ProfileError

__all__ = ["QualityPredictor"]

Floats = NDArray[np.float64]
_VERSION = 1
# Distance of the bound to the nearest target, in ranges of the data.
_MARGINS = (0.02, 0.1, 0.3, 1.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Bend:
    """A monotone transform: ``log(sign * (y - bound))``, or nothing for sign 0."""

    sign: int
    bound: float

    def forward(self, y: Floats) -> Floats:
        return y if self.sign == 0 else self.sign * np.log(self.sign * (y - self.bound))

    def slope(self, y: Floats) -> Floats:
        """Derivative of :meth:`forward`, positive."""
        return np.ones(len(y)) if self.sign == 0 else 1.0 / np.abs(y - self.bound)

    def backward(self, z: Floats) -> Floats:
        return z if self.sign == 0 else self.bound + self.sign * np.exp(self.sign * z)


class QualityPredictor:
    """Predicts one quality of a network, in its own unit, with a standard deviation.

    Parameters
    ----------
    space
        The space whose gene matrices are predicted.

    Attributes
    ----------
    ridge_
        The linear model of the bent target.
    sign_, bound_
        The bend ``log(sign * (quality - bound))``; sign 0 is a straight line.
    noise_
        Standard deviation of the bent target around the model.
    """

    ridge_: Ridge
    sign_: int
    bound_: float
    noise_: float

    def __init__(self, space: SearchSpace) -> None:
        self.space = space

    def fit(self, genes: Genes, quality: ArrayLike, *, noise: ArrayLike | None = None) -> QualityPredictor:
        """Fit on evaluated networks.

        Parameters
        ----------
        genes
            ``(n, genes)`` canonical gene matrix, two rows or more.
        quality
            ``(n,)`` finite values.
        noise
            Standard deviation of each value's own measurement error, ``(n,)`` or one number, in the unit of quality.

        Raises
        ------
        ValueError
            When the shapes disagree or a value is not finite.
        """
        y = _checked("quality", quality, len(genes))
        if len(y) < 2:
            raise ValueError(f"genes: expected two networks or more, got {len(y)}; evaluate some first")
        design = features(self.space, genes)
        path = RidgePath(design)
        bend, index = _choose(path, y)
        z = bend.forward(y)
        if noise is not None:
            spread = _checked("noise", np.broadcast_to(np.asarray(noise, float), y.shape), len(y)) * bend.slope(y)
            if (spread < 0).any():
                raise ValueError("noise: expected standard deviations of 0 or more, got a negative one; correct it")
            total = float(np.mean(path.studentised(z)[:, index] ** 2))
            # The rest of the residual is the model's own; it keeps a share, for noise estimates are themselves noisy.
            own = max(total - float(np.mean(spread**2)), 0.1 * total)
            if own > 0:
                path = RidgePath(design, weights=1.0 / (own + spread**2))
                index = int(np.argmin((path.leave_one_out(z) ** 2).mean(axis=0)))
        self.sign_, self.bound_ = bend.sign, bend.bound
        self.ridge_ = path.fit(z, index)
        self.noise_ = math.sqrt(float(np.mean(path.studentised(z)[:, index] ** 2)))
        return self

    def predict(self, genes: Genes) -> tuple[Floats, Floats]:
        """Return the expected quality and its standard deviation, both ``(n,)``.

        The deviation is that of a new evaluation: the model's residual and its ignorance of unexplored choices.
        """
        require_fitted(self, "ridge_")
        design = features(self.space, genes)
        bend = _Bend(sign=self.sign_, bound=self.bound_)
        mean = bend.backward(self.ridge_.predict(design))
        return mean, self.noise_ * np.sqrt(1.0 + self.ridge_.leverage(design)) / bend.slope(mean)

    def to_json(self) -> str:
        """Return the fitted predictor as JSON text."""
        require_fitted(self, "ridge_")
        state: dict[str, Any] = {
            "ridge": self.ridge_.to_dict(),
            "sign": self.sign_,
            "bound": self.bound_,
            "noise": self.noise_,
        }
        return dump_predictor("QualityPredictor", version=_VERSION, space=self.space, state=state)

    @classmethod
    def from_json(cls, space: SearchSpace, text: str) -> QualityPredictor:
        """Read what :meth:`to_json` wrote; raises ``ProfileError`` for other text or another space."""
        state = load_predictor("QualityPredictor", version=_VERSION, space=space, text=text)
        self = cls(space)
        try:
            self.ridge_ = Ridge.from_dict(state["ridge"])
            self.sign_, self.bound_, self.noise_ = int(state["sign"]), float(state["bound"]), float(state["noise"])
            if len(self.ridge_.center) != features(space, space.encode([space.middle])).shape[1]:
                raise ValueError("it has another number of features")
        except (KeyError, TypeError, ValueError) as error:
            raise ProfileError(
                "QualityPredictor", expected="coefficients", got=f"broken ones ({error})", remedy="fit it again"
            ) from error
        return self


def _checked(name: str, values: ArrayLike, n: int) -> Floats:
    array = np.asarray(values, dtype=float)
    if array.shape != (n,):
        raise ValueError(f"{name}: expected shape ({n},), one value a network, got {array.shape}; pass matching arrays")
    if not np.isfinite(array).all():
        count = int((~np.isfinite(array)).sum())
        raise ValueError(f"{name}: expected finite values, got {count} that are NaN or infinite; leave those rows out")
    return array


def _choose(path: RidgePath, y: Floats) -> tuple[_Bend, int]:
    """Return the bend and the penalty of the greatest leave-one-out likelihood."""
    bends = [_Bend(sign=0, bound=0.0)]
    span = float(np.ptp(y))
    if span > 0:
        bends += [_Bend(sign=1, bound=float(y.min()) - margin * span) for margin in _MARGINS]
        bends += [_Bend(sign=-1, bound=float(y.max()) + margin * span) for margin in _MARGINS]
    best, choice = np.inf, (bends[0], len(path.penalties) - 1)
    for bend in bends:
        squares = (path.leave_one_out(bend.forward(y)) ** 2).mean(axis=0)
        loss = 0.5 * np.log(np.maximum(squares, 1e-300)) - np.log(bend.slope(y)).mean()
        index = int(np.argmin(loss))
        if loss[index] < best:
            best, choice = float(loss[index]), (bend, index)
    return choice
