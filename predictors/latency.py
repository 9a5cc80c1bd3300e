"""Latency of whole networks: the sum of their blocks' latencies times a learned residual.

The prior is additive, from the profile of single blocks. It misses what only whole networks show: one call of the
runtime instead of many, caches that a block alone would own, fusion across blocks. That residual, the logarithm of
measured over prior, is a ridge regression on the shares of the prior that each kind of block and each precision has,
and on calls, bytes and size relative to it; where it does not beat a single scale in cross-validation, that scale
remains. Networks that the others contradict, such as those during which another program ran, weigh less. Intervals
are conformal: quantiles of studentised residuals, of networks left out one by one or with all that was measured at
about the same time, whichever are larger. The latter hold on another day.

Papers: Cai et al. 2019 (ProxylessNAS, latency tables); Vovk, Gammerman and Shafer 2005 (conformal prediction); Barber
et al. 2021 (the jackknife+, leave-one-out residuals).
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, overload

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from hardware_profiles.measurement import Measurand
from predictors.block_latency import Measured, block_groups, block_latencies, is_predicted
from predictors.checks import checked_coverage
from predictors.conformal import measured_seconds
from predictors.cost import sum_over_blocks
from predictors.persistence import dump_predictor, finite_array, load_predictor, require_fitted
from predictors.residual import residual_scores, robust_path
from predictors.ridge import Ridge
from search_space import Architecture, Block, Genes, SearchSpace
from search_space.errors import ProfileError

__all__ = ["LatencyPredictor", "LatencyProfile", "ResidualStatistics"]

Floats = NDArray[np.float64]
_LOG = logging.getLogger("nasweave.predictors")
_VERSION = 1
# Belief about an uncalibrated prior, worth one observation: off by 15 %, with the heavy tail of one degree of freedom.
_PRIOR_SPREAD = 0.15
_ONE_SIGMA = 0.6827


class LatencyProfile(Protocol):
    """What the predictor reads of a profile."""

    @property
    def blocks(self) -> Mapping[Block, Measured]:
        """Measurement of every profiled block."""
        ...

    @property
    def networks(self) -> Sequence[tuple[Architecture, Measured]]:
        """Measurements of whole networks."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class ResidualStatistics:
    """How well the fitted predictor did on networks left out of the fit.

    ``median_relative_error`` and ``max_relative_error`` are of leave-one-out predictions and 0 without networks,
    ``prior_median_relative_error`` that of the bare sum of blocks; ``constant`` says that a single scale was kept.
    """

    networks: int
    measured_blocks: int
    estimated_blocks: int
    constant: bool
    median_relative_error: float
    max_relative_error: float
    prior_median_relative_error: float


class LatencyPredictor:
    """Predicts milliseconds, or another cost that adds up over blocks, from genes.

    Parameters
    ----------
    space
        The space whose gene matrices are predicted.
    measurand
        What is predicted; energies behave as latencies do, in millijoules.

    Attributes
    ----------
    block_ms_
        ``(blocks,)`` latency of each of ``space.blocks``.
    ridge_
        The learned log-residual; ``None`` when no whole network was measured.
    residuals_
        Sorted absolute studentised log-residuals of networks left out, one by one or by blocks of time.
    residual_
        Their summary as :class:`ResidualStatistics`.
    """

    block_ms_: Floats
    ridge_: Ridge | None
    residuals_: Floats
    residual_: ResidualStatistics

    def __init__(self, space: SearchSpace, *, measurand: Measurand = Measurand.LATENCY) -> None:
        self.space, self.measurand = space, measurand

    # -------------------------------------------------------------------- fit

    def fit(self, profile: LatencyProfile) -> LatencyPredictor:
        """Calibrate on a device's profile.

        Raises
        ------
        ProfileError
            When the profile has no block of the space or a latency is not a positive number.
        """
        self.block_ms_, known = block_latencies(self.space, profile.blocks, measurand=self.measurand)
        predicted = np.array([b in profile.blocks and is_predicted(profile.blocks[b]) for b in self.space.blocks])
        self._prepare()
        genes, latency, seconds = self._networks(profile)
        self.ridge_, self.residuals_ = None, np.zeros(0)
        constant, errors, prior_errors = True, np.zeros(0), np.zeros(0)
        if len(latency):
            design, prior = self._design(genes)
            target = np.log(latency / prior)
            path, index = robust_path(design, target)
            self.ridge_ = path.fit(target, index)
            self.residuals_ = residual_scores(path, target, index, seconds)
            constant = not np.isfinite(path.penalties[index])
            errors = np.abs(np.expm1(-path.leave_one_out(target)[:, index] / path.roots))
            prior_errors = np.abs(prior / latency - 1.0)
        self.residual_ = ResidualStatistics(
            networks=len(latency),
            measured_blocks=int((known & ~predicted).sum()),
            estimated_blocks=int((~known | predicted).sum()),
            constant=constant,
            median_relative_error=float(np.median(errors)) if len(errors) else 0.0,
            max_relative_error=float(errors.max(initial=0.0)),
            prior_median_relative_error=float(np.median(prior_errors)) if len(errors) else 0.0,
        )
        _LOG.info("latency predictor fitted: %s", self.residual_)
        return self

    def _networks(self, profile: LatencyProfile) -> tuple[Genes, Floats, Floats | None]:
        """Return the measured networks that lie in the space, and when; others (of a wider space) are left out."""
        inside: list[Architecture] = []
        taken: list[Measured] = []
        values: list[float] = []
        for architecture, measurement in profile.networks:
            if architecture not in self.space:
                _LOG.info("network %s of the profile is not in space %s", architecture.key, self.space.name)
                continue
            value = measurement.value(self.measurand)
            if value is None or is_predicted(measurement):
                continue
            if not (math.isfinite(value) and value > 0):
                raise ProfileError(
                    f"profile network {architecture.key}",
                    expected=f"a positive number of {self.measurand.unit}",
                    got=str(value),
                    remedy="measure it again",
                )
            inside.append(architecture)
            values.append(value)
            taken.append(measurement)
        return self.space.encode(inside), np.array(values), measured_seconds(taken)

    # ---------------------------------------------------------------- predict

    @overload
    def predict(self, genes: Genes, *, return_std: Literal[False] = False) -> Floats: ...

    @overload
    def predict(self, genes: Genes, *, return_std: Literal[True]) -> tuple[Floats, Floats]: ...

    def predict(self, genes: Genes, *, return_std: bool = False) -> Floats | tuple[Floats, Floats]:
        """Return the expected latency ``(n,)`` of a canonical gene matrix, with ``return_std`` also its deviation.

        The deviation ``(n,)`` is that of a new measurement: half the interval that holds 68 of 100.
        """
        require_fitted(self, "block_ms_")
        log_mean, widening = self._log_mean(genes, spread=return_std)
        mean: Floats = np.exp(log_mean)
        return (mean, mean * np.sinh(self._half_width(_ONE_SIGMA) * widening)) if return_std else mean

    def predict_interval(self, genes: Genes, *, coverage: float = 0.9) -> Floats:
        """Return ``(n, 2)`` bounds in ms that hold a new network's measurement with probability ``coverage``.

        With fewer measured networks than a conformal quantile needs (nine for 0.9) the bounds come from Student's t
        with a weak prior spread, and are wide.
        """
        checked_coverage(coverage)
        require_fitted(self, "block_ms_")
        log_mean, widening = self._log_mean(genes, spread=True)
        half = self._half_width(coverage) * widening
        return np.exp(np.stack([log_mean - half, log_mean + half], axis=1))

    def probability_below(self, genes: Genes, limit_ms: float) -> Floats:
        """Return the probability ``(n,)`` that the latency is at most ``limit_ms``: smooth, from Student's t."""
        if not limit_ms > 0:
            raise ProfileError("limit_ms", expected="a positive number", got=str(limit_ms), remedy="correct the budget")
        require_fitted(self, "block_ms_")
        log_mean, widening = self._log_mean(genes, spread=True)
        degrees, scale = self._student
        result: Floats = stdtr(degrees, (math.log(limit_ms) - log_mean) / (scale * widening))
        return result

    def _half_width(self, coverage: float) -> float:
        """Return the half width of the log-interval at leverage 0."""
        n = len(self.residuals_)
        rank = math.ceil((n + 1) * coverage)
        if rank <= n:
            return float(self.residuals_[rank - 1])
        degrees, scale = self._student
        student = float(stdtrit(degrees, (1.0 + coverage) / 2.0)) * scale
        return max(student, float(self.residuals_.max(initial=0.0)))

    @property
    def _student(self) -> tuple[float, float]:
        """Degrees of freedom and scale of the log-residuals."""
        n = len(self.residuals_)
        variance = (_PRIOR_SPREAD**2 + float(self.residuals_ @ self.residuals_)) / (1 + n)
        # A single network sets the scale and leaves nothing to judge it by.
        return float(max(n, 1)), math.sqrt(variance)

    def _log_mean(self, genes: Genes, *, spread: bool = False) -> tuple[Floats, Floats]:
        """Return the log-latency, and (only when asked) ``sqrt(1 + leverage)`` as the widening of its interval."""
        if self.ridge_ is None:
            ids = self.space.block_ids(genes)
            prior = sum_over_blocks(ids, self.block_ms_[:, None])[:, 0]
            return np.log(prior), np.ones(len(genes))
        design, prior = self._design(genes)
        log_mean = np.log(prior) + self.ridge_.predict(design)
        return log_mean, np.sqrt(1.0 + self.ridge_.leverage(design)) if spread else np.ones(0)

    # --------------------------------------------------------------- features

    def _prepare(self) -> None:
        """Tabulate what the residual's features sum over blocks: prior, its share by group, calls and bytes."""
        costs = [self.space.cost(b) for b in self.space.blocks]
        size = [c.size_bytes(b.precision, b.float_precision) for b, c in zip(self.space.blocks, costs, strict=True)]
        groups = self.block_ms_[:, None] * block_groups(self.space)[1]
        self._unit_ms = float(np.median(self.block_ms_))
        calls = np.full(len(size), self._unit_ms)
        bytes_ms = np.array(size) * (self._unit_ms / max(float(np.median(size)), 1.0))
        self._table = np.concatenate([np.stack([self.block_ms_, calls, bytes_ms], axis=1), groups], axis=1)

    def _design(self, genes: Genes) -> tuple[Floats, Floats]:
        """Return the features ``(n, d)`` of the log-residual and the prior ``(n,)``."""
        sums = sum_over_blocks(self.space.block_ids(genes), self._table)
        prior = sums[:, 0].copy()
        sums /= prior[:, None]
        sums[:, 0] = np.log(prior)
        width = np.log(np.asarray(self.space.embed_dim, float))[genes[:, 0]]
        return np.column_stack([sums, self._unit_ms / prior, width]), prior

    # ------------------------------------------------------------ persistence

    def to_json(self) -> str:
        """Return the fitted predictor as JSON text."""
        require_fitted(self, "block_ms_")
        state: dict[str, Any] = {
            "measurand": self.measurand.value,
            "block_ms": self.block_ms_.tolist(),
            "ridge": None if self.ridge_ is None else self.ridge_.to_dict(),
            "residuals": self.residuals_.tolist(),
            "residual": {f: getattr(self.residual_, f) for f in ResidualStatistics.__dataclass_fields__},
        }
        return dump_predictor("LatencyPredictor", version=_VERSION, space=self.space, state=state)

    @classmethod
    def from_json(cls, space: SearchSpace, text: str) -> LatencyPredictor:
        """Read what :meth:`to_json` wrote; raises ``ProfileError`` for other text or another space."""
        state = load_predictor("LatencyPredictor", version=_VERSION, space=space, text=text)
        try:
            self = cls(space, measurand=Measurand(state.get("measurand", Measurand.LATENCY.value)))
            self.block_ms_ = finite_array(state["block_ms"], length=len(space.blocks))
            self._prepare()
            self.ridge_ = None if state["ridge"] is None else Ridge.from_dict(state["ridge"])
            self.residuals_ = finite_array(state["residuals"])
            self.residual_ = ResidualStatistics(**state["residual"])
            if self.ridge_ is not None and len(self.ridge_.center) != self._table.shape[1] + 2:
                raise ValueError("the residual has another number of features")
        except (KeyError, TypeError, ValueError) as error:
            raise ProfileError(
                "LatencyPredictor", expected="coefficients", got=f"broken ones ({error})", remedy="fit it again"
            ) from error
        return self
