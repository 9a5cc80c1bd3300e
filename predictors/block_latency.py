"""The latency of every block of a space: measured where the profile has it, estimated from its like where it has not.

The estimate is a ridge regression of the logarithm of the latency on the logarithms of the block's operations, bytes
and activations, and on its name and precision, in the manner of nn-Meter (Zhang et al. 2021) without its kernel search.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hardware_profiles.measurement import Measurand
from predictors.ridge import RidgePath
from search_space import Block, SearchSpace
from search_space.errors import ProfileError
from search_space.precision import FLOAT

__all__ = ["Measured", "block_groups", "block_latencies", "is_predicted"]

Floats = NDArray[np.float64]


class Measured(Protocol):
    """What a predictor reads of a measurement.

    Where it has an attribute ``predicted_std`` that is not ``None``, it was not measured on the device but predicted.
    """

    def value(self, measurand: Measurand) -> float | None:
        """Return the value of a quantity in its unit, drift divided out; ``None`` where it is not known."""
        ...


def block_groups(space: SearchSpace) -> tuple[tuple[str, ...], Floats]:
    """Return names and one-hot membership ``(blocks, groups)``: one group a block name, one an integer precision."""
    names = sorted({b.key for b in space.blocks}) + sorted({b.precision for b in space.blocks} - {FLOAT})
    rows = [[float(name in (b.key, b.precision)) for name in names] for b in space.blocks]
    return tuple(names), np.array(rows)


def _design(space: SearchSpace) -> Floats:
    """Return the features of every block that its latency is estimated from, ``(blocks, d)``."""
    sizes = []
    for block in space.blocks:
        cost = space.cost(block)
        size = cost.size_bytes(block.precision, block.float_precision)
        sizes.append([cost.flops, size, cost.peak_activations, block.float_precision != "fp32"])
    table = np.array(sizes, float)
    return np.concatenate([np.log1p(table[:, :3]), table[:, 3:], block_groups(space)[1]], axis=1)


def is_predicted(measurement: Measured) -> bool:
    """Return whether a value was predicted from another device's profile."""
    return getattr(measurement, "predicted_std", None) is not None


def block_latencies(
    space: SearchSpace, measured: Mapping[Block, Measured], *, measurand: Measurand = Measurand.LATENCY
) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the latency (or energy) of every block, ``(blocks,)``, and which of them the profile has.

    Raises
    ------
    ProfileError
        When the profile has no block of the space, or a value is not a positive number.
    """
    values = {block: measured[block].value(measurand) for block in space.blocks if block in measured}
    latency = np.array([np.nan if (v := values.get(b)) is None else v for b in space.blocks], float)
    known = np.array([values.get(block) is not None for block in space.blocks])
    if not known.any():
        raise ProfileError(
            "profile",
            expected=f"measurements of the blocks of space {space.name!r}",
            got=f"{len(measured)} measured blocks, none of them of this space",
            remedy="profile this space on the device",
        )
    for block, value, is_known in zip(space.blocks, latency, known, strict=True):
        if is_known and not (np.isfinite(value) and value > 0):
            raise ProfileError(
                f"profile block {block}",
                expected=f"a positive number of {measurand.unit}",
                got=str(value),
                remedy="measure it again",
            )
    if not known.all():
        design, target = _design(space), np.log(latency[known])
        path = RidgePath(design[known], scale=True)
        latency[~known] = np.exp(path.fit(target, path.choose(target)).predict(design[~known]))
    return latency, known
