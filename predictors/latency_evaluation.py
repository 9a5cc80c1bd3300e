"""How well latency is predicted on networks that the predictor did not see, at random and in stretches of time.

Random splits mix measurements of one moment into training and test; splits by time predict what was measured at another
time, as a user's deployment is. The difference between them is what drift costs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from hardware_profiles.measurement import Measurand
from predictors.block_latency import Measured
from predictors.conformal import measured_seconds, time_blocks
from predictors.latency import LatencyPredictor, LatencyProfile
from search_space import Architecture, Block, SearchSpace
from search_space.errors import ProfileError

__all__ = ["SplitResult", "evaluate_latency"]

Floats = NDArray[np.float64]
_FOLDS = 5
_FEWEST = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class _Part:
    blocks: Mapping[Block, Measured]
    networks: Sequence[tuple[Architecture, Measured]]


@dataclass(frozen=True, kw_only=True, slots=True)
class SplitResult:
    """Held-out predictions of one kind of split.

    ``split`` is random or time; arrays are ``(networks,)`` in the profile's order: predicted and measured ms, whether
    the interval of ``coverage`` held the measurement, and the fold in which the network was held out.
    """

    split: str
    coverage: float
    predicted_ms: Floats
    measured_ms: Floats
    inside: NDArray[np.bool_]
    fold: NDArray[np.int_]

    @property
    def relative_errors(self) -> Floats:
        """Return predicted over measured, minus one."""
        result: Floats = self.predicted_ms / self.measured_ms - 1.0
        return result

    @property
    def median_error(self) -> float:
        """Return the median absolute relative error."""
        return float(np.median(np.abs(self.relative_errors)))

    @property
    def rank_correlation(self) -> float:
        """Return Spearman's correlation, 0 for a constant prediction."""
        if np.ptp(self.predicted_ms) == 0.0 or np.ptp(self.measured_ms) == 0.0:
            return 0.0
        return float(spearmanr(self.predicted_ms, self.measured_ms).statistic)

    @property
    def covered(self) -> float:
        """Return the share of measurements that their interval held."""
        return float(self.inside.mean())


def evaluate_latency(
    space: SearchSpace, profile: LatencyProfile, *, rng: np.random.Generator, coverage: float = 0.9
) -> tuple[SplitResult, ...]:
    """Return held-out predictions of the profile's networks on random and, where times are known, on time splits.

    Raises
    ------
    ProfileError
        When the profile has fewer than ten networks.
    """
    networks = list(profile.networks)
    if len(networks) < _FEWEST:
        raise ProfileError(
            "profile.networks",
            expected=f"at least {_FEWEST} whole networks to hold some out",
            got=str(len(networks)),
            remedy="profile more networks, profile.networks=40",
        )
    folds = {"random": rng.permutation(np.arange(len(networks)) % _FOLDS)}
    seconds = measured_seconds(measurement for _, measurement in networks)
    if seconds is not None:
        folds["time"] = time_blocks(seconds)
    return tuple(
        _evaluate(space, profile, networks, split=split, fold=fold, coverage=coverage) for split, fold in folds.items()
    )


def _evaluate(
    space: SearchSpace,
    profile: LatencyProfile,
    networks: Sequence[tuple[Architecture, Measured]],
    *,
    split: str,
    fold: NDArray[np.int_],
    coverage: float,
) -> SplitResult:
    measured = np.array([measurement.value(Measurand.LATENCY) for _, measurement in networks], float)
    genes = space.encode([architecture for architecture, _ in networks])
    predicted, bounds = np.empty(len(networks)), np.empty((len(networks), 2))
    for held in np.unique(fold):
        test = fold == held
        rest = [network for network, out in zip(networks, test, strict=True) if not out]
        predictor = LatencyPredictor(space).fit(_Part(blocks=profile.blocks, networks=rest))
        predicted[test] = predictor.predict(genes[test])
        bounds[test] = predictor.predict_interval(genes[test], coverage=coverage)
    inside = (bounds[:, 0] <= measured) & (measured <= bounds[:, 1])
    return SplitResult(
        split=split, coverage=coverage, predicted_ms=predicted, measured_ms=measured, inside=inside, fold=fold
    )
