"""Quality of networks, such as their validation error, with uncertainty: a surrogate that refits in milliseconds.

A ridge regression on the features of the genes and on the products of their totals over the layers. Errors saturate,
so the target may first be transformed to the logarithm of its distance to a bound below or above the data;
leave-one-out likelihood picks the bound and the penalty together. The deviation grows with the leverage of the
features: a network of choices that nothing evaluated had is uncertain.

Papers: White et al. 2021 (How Powerful are Performance Predictors in Neural Architecture Search?); Box and Cox 1964
(likelihood of a transform).
"""

from __future__ import annotations

import math
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from predictors.checks import checked_targets
from predictors.persistence import dump_predictor, finite_array, load_predictor, require_fitted
from predictors.ridge import Ridge, RidgePath
from predictors.target_transform import TargetTransform, candidate_transforms
from search_space import Genes, SearchSpace, features
from search_space.errors import ProfileError
from search_space.features import totals_columns

__all__ = ["QualityPredictor"]

Floats = NDArray[np.float64]
_VERSION = 2
# A coefficient may be believed to be some thirty times the noise, so that ten networks do not seem to settle it.
_PENALTY_FLOOR = 1e-3
# Transform and penalty were chosen on the residuals that the noise is estimated from: as if rows had been spent.
_SPENT = 10.0
# Rows that are predicted at once: their features stay in the processor's cache.
_CHUNK = 2048


class QualityPredictor:
    """Predicts one quality of a network, in its own unit, with a standard deviation.

    Parameters
    ----------
    space
        The space whose gene matrices are predicted.

    Attributes
    ----------
    ridge_
        Linear model of the transformed target on the features; its leverage is the uncertainty.
    products_
        ``(k, k)`` coefficients of the products of the ``k`` totals over layers.
    target_transform_
        The transform of the target.
    noise_
        Standard deviation of the transformed target around the model.
    """

    ridge_: Ridge
    products_: Floats
    target_transform_: TargetTransform
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
        ProfileError
            When the shapes disagree or a value is not finite.
        """
        y = checked_targets("quality", quality, rows=len(genes))
        if len(y) < 2:
            raise ProfileError("genes", expected="two networks or more", got=str(len(y)), remedy="evaluate some first")
        linear = features(self.space, genes)
        upper = np.triu_indices(self._totals(linear).shape[1])
        totals = self._totals(linear)
        design = np.concatenate([linear, totals[:, upper[0]] * totals[:, upper[1]]], axis=1)

        path = RidgePath(design, floor=_PENALTY_FLOOR)
        target_transform, index = _choose(path, y)
        z = target_transform.forward(y)
        weights = None
        if noise is not None:
            spread = checked_targets("noise", np.asarray(noise, float) + np.zeros(len(y)), rows=len(y))
            weights = _weights(spread * target_transform.slope(y), residual=path.leave_one_out(z)[:, index])
            path = RidgePath(design, weights=weights, floor=_PENALTY_FLOOR)
            index = _best_penalty((path.leave_one_out(z) ** 2).mean(axis=0))

        model = path.fit(z, index)
        explored = RidgePath(linear, weights=weights, penalties=[path.penalties[index]])
        squares = path.leave_one_out(z)[:, index] ** 2 * (1.0 - explored.leverages[:, 0])
        self.noise_ = math.sqrt(float(squares.mean()) * (1.0 + _SPENT / len(y)))
        self.target_transform_ = target_transform
        d = linear.shape[1]
        self.products_ = np.zeros((totals.shape[1], totals.shape[1]))
        self.products_[upper] = model.coefficients[d:]
        shape = explored.fit(z, 0)
        self.ridge_ = Ridge(
            # The products' share of the centring goes to the intercept.
            intercept=model.intercept - float(model.center[d:] @ model.coefficients[d:]),
            center=shape.center,
            coefficients=model.coefficients[:d],
            factor=shape.factor,
            center_leverage=shape.center_leverage,
        )
        return self

    @overload
    def predict(self, genes: Genes, *, return_std: Literal[False] = False) -> Floats: ...

    @overload
    def predict(self, genes: Genes, *, return_std: Literal[True]) -> tuple[Floats, Floats]: ...

    def predict(self, genes: Genes, *, return_std: bool = False) -> Floats | tuple[Floats, Floats]:
        """Return the expected quality ``(n,)``, with ``return_std`` also its standard deviation ``(n,)``.

        The deviation is that of a new evaluation: the model's residual and its ignorance of unexplored choices.
        Without it a prediction takes half the time.
        """
        require_fitted(self, "ridge_")
        z, spread = np.empty(len(genes)), np.empty(len(genes))
        for start in range(0, len(genes), _CHUNK):
            part = slice(start, start + _CHUNK)
            linear = features(self.space, genes[part])
            z[part] = self._transformed(linear)
            if return_std:
                spread[part] = self.noise_ * np.sqrt(1.0 + self.ridge_.leverage(linear))
        mean = self.target_transform_.backward(z)
        return (mean, spread / self.target_transform_.slope(mean)) if return_std else mean

    def _transformed(self, linear: Floats) -> Floats:
        totals = self._totals(linear)
        transformed: Floats = self.ridge_.predict(linear) + np.einsum("ij,ij->i", totals @ self.products_, totals)
        return transformed

    def _totals(self, linear: Floats) -> Floats:
        totals: Floats = linear[:, totals_columns(self.space)] / self.space.max_depth
        return totals

    def to_json(self) -> str:
        """Return the fitted predictor as JSON text."""
        require_fitted(self, "ridge_")
        state: dict[str, Any] = {
            "ridge": self.ridge_.to_dict(),
            "products": self.products_.tolist(),
            "target_transform": {"sign": self.target_transform_.sign, "bound": self.target_transform_.bound},
            "noise": self.noise_,
        }
        return dump_predictor("QualityPredictor", version=_VERSION, space=self.space, state=state)

    @classmethod
    def from_json(cls, space: SearchSpace, text: str) -> QualityPredictor:
        """Read what :meth:`to_json` wrote; raises ``ProfileError`` for other text or another space."""
        state = load_predictor("QualityPredictor", version=_VERSION, space=space, text=text)
        self = cls(space)
        width = features(space, space.encode([space.middle])).shape[1]
        columns = totals_columns(space)
        k = columns.stop - columns.start
        try:
            self.ridge_ = Ridge.from_dict(state["ridge"])
            self.products_ = np.array([finite_array(row, length=k) for row in state["products"]])
            bound = state["target_transform"]
            self.target_transform_ = TargetTransform(sign=int(bound["sign"]), bound=float(bound["bound"]))
            self.noise_ = float(state["noise"])
            if len(self.ridge_.center) != width or self.products_.shape != (k, k):
                raise ValueError("it has another number of features")
        except (KeyError, TypeError, ValueError) as error:
            raise ProfileError(
                "QualityPredictor", expected="coefficients", got=f"broken ones ({error})", remedy="fit it again"
            ) from error
        return self


def _weights(spread: Floats, *, residual: Floats) -> Floats | None:
    """Return the precision of each row: its own noise on top of what the model cannot explain."""
    if (spread < 0).any():
        raise ProfileError("noise", expected="deviations of 0 or more", got=f"{spread.min():g}", remedy="correct it")
    total = float(np.mean(residual**2))
    if total == 0.0:
        return None
    # The model's own error keeps a share, for estimates of the noise are noisy themselves.
    own = max(total - float(np.mean(spread**2)), 0.1 * total)
    weights: Floats = 1.0 / (own + spread**2)
    return weights


def _best_penalty(losses: Floats) -> int:
    """Return the penalty of least loss; the mean alone only where nothing else exists, for it cannot rank."""
    return int(np.argmin(losses[:-1])) if len(losses) > 1 else 0


def _choose(path: RidgePath, y: Floats) -> tuple[TargetTransform, int]:
    """Return the transform and the penalty of the greatest leave-one-out likelihood."""
    best, choice = np.inf, (TargetTransform(), len(path.penalties) - 1)
    for target_transform in candidate_transforms(y):
        squares = (path.leave_one_out(target_transform.forward(y)) ** 2).mean(axis=0)
        losses = 0.5 * np.log(np.maximum(squares, 1e-300)) - np.log(target_transform.slope(y)).mean()
        index = _best_penalty(losses)
        if losses[index] < best:
            best, choice = float(losses[index]), (target_transform, index)
    return choice
