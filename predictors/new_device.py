"""A profile of a new device from some twenty measurements there and the whole profile of another device.

What a block costs on the new device is a linear function of what it costs on the known one and of its share of each
kind of mixer and precision, its calls, operations and bytes. All of these add up over the blocks of a network, so
blocks and whole networks teach the same few coefficients (:class:`predictors.adaptation.DeviceAdapter`). The profile
that comes out holds the measurements as they are and predicts every other block, marked as such. The networks in it are
the measured ones alone: the intervals of :class:`predictors.latency.LatencyPredictor` are then those of networks that
were measured on the new device and left out of the fit, few and so wide.

Papers: Lee et al. 2021 (HELP), the problem; Cai et al. 2019 (ProxylessNAS), latency as a sum over blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hardware_profiles.measurement import Measurement, Subject
from hardware_profiles.profile import Profile
from predictors.adaptation import DeviceAdapter
from predictors.block_latency import block_groups
from predictors.cost import sum_over_blocks
from predictors.latency import LatencyPredictor, LatencyProfile
from search_space import Architecture, Genes, SearchSpace, features
from search_space.errors import ProfileError
from search_space.farthest import farthest_first, standardised

__all__ = ["ADAPTED_FROM", "FEWEST_SAMPLES", "adapt_profile", "choose_samples"]

Floats = NDArray[np.float64]
ADAPTED_FROM = "adapted from"  # in the provenance, the name of the known device's profile
FEWEST_SAMPLES = 13  # so that ten of them are networks, from which a 90 % interval can be told
_BLOCK_SHARE = 0.25
# A block costs no less than this part of what the usual ratio of the two devices says.
_LEAST_RATIO = 0.2


def choose_samples(space: SearchSpace, networks: Sequence[Architecture], *, count: int) -> list[Subject]:
    """Return what to measure on a new device: a quarter blocks, and networks, each as different as can be.

    Parameters
    ----------
    space
        The space of both devices.
    networks
        Candidates, more than are chosen.
    count
        How many blocks and networks together.

    Raises
    ------
    ProfileError
        For fewer than ``FEWEST_SAMPLES``, or too few candidates.
    """
    blocks = round(_BLOCK_SHARE * count)
    if count < FEWEST_SAMPLES or len(networks) < count - blocks:
        raise ProfileError(
            "profile.samples",
            expected=f"{FEWEST_SAMPLES} or more, and no more than the space has different networks",
            got=f"{count}, of them {count - blocks} of {len(networks)} networks",
            remedy="20 is usual; measure a space of fewer networks whole, without adapt",
        )
    groups = block_groups(space)[1]
    costs = [space.cost(block) for block in space.blocks]
    sizes = [[c.flops, c.size_bytes(b.precision, b.float_precision)] for b, c in zip(space.blocks, costs, strict=True)]
    points = np.concatenate([standardised(np.log1p(np.array(sizes, float))), groups], axis=1)
    far_blocks = farthest_first(points, blocks)
    far_networks = farthest_first(standardised(features(space, space.encode(networks))), count - blocks)
    return [*(space.blocks[i] for i in far_blocks), *(networks[i] for i in far_networks)]


def adapt_profile(space: SearchSpace, *, known: Profile, samples: Profile) -> Profile:
    """Return the profile of the device of ``samples``, with every block that it lacks predicted.

    Parameters
    ----------
    space
        The space of both profiles.
    known
        The profile of another device, or of this one in another setting.
    samples
        What was measured on the new device: some blocks and, above all, whole networks.

    Raises
    ------
    ProfileError
        When the samples hold no network of the space, or the known profile no block of it.
    """
    columns = _Columns(space, known)
    blocks = [block for block in space.blocks if block in samples.blocks]
    inside = [(a, m) for a, m in samples.networks if a in space]
    if not inside:
        raise ProfileError(
            "samples", expected="networks of this space", got="none", remedy="measure some on the new device"
        )
    measured = [samples.blocks[b].latency_ms for b in blocks] + [m.latency_ms for _, m in inside]
    of_blocks = columns.of_blocks()
    index = [space.blocks.index(b) for b in blocks]
    of_networks = columns.of_networks(space.encode([a for a, _ in inside]))
    rows, latency = np.concatenate([of_blocks[index], of_networks]), np.array(measured)
    adapter = DeviceAdapter(num_known=1).fit(rows, latency, pool=np.concatenate([of_blocks, of_networks]))
    mean, std = adapter.predict(of_blocks, return_std=True)
    usual = float(np.median(latency / rows[:, 0])) * of_blocks[:, 0]
    bounded = np.maximum(mean, _LEAST_RATIO * usual)
    std = np.maximum(std, bounded - mean)
    have = set(samples.blocks)
    template = samples.measured[-1]
    predicted = [
        _predicted(template, block=block, latency_ms=float(ms), std=float(spread / ms))
        for block, ms, spread in zip(space.blocks, bounded, std, strict=True)
        if block not in have
    ]
    told = f"{len(blocks)} blocks and {len(inside)} networks measured, {len(predicted)} blocks predicted"
    return replace(
        samples,
        # The last measurement tells the baseline of the reference, so what was measured comes last.
        measurements=(*predicted, *samples.measured),
        provenance={**samples.provenance, ADAPTED_FROM: known.name, "adapted": told},
    )


class _Columns:
    """The columns of a row: the known device's latency, and terms that add up over blocks."""

    def __init__(self, space: SearchSpace, known: LatencyProfile) -> None:
        self._space, self._source = space, LatencyPredictor(space).fit(known)
        costs = [space.cost(block) for block in space.blocks]
        size = [c.size_bytes(b.precision, b.float_precision) for b, c in zip(space.blocks, costs, strict=True)]
        block_ms = self._source.block_ms_
        shares = block_ms[:, None] * block_groups(space)[1]
        sums = np.column_stack([shares, np.ones(len(size)), [c.flops for c in costs], size])
        largest = sum_over_blocks(space.block_ids(space.encode([space.largest])), sums)[0]
        self._terms = sums / np.where(largest > 0, largest, np.maximum(sums.max(axis=0), 1e-300))

    def of_blocks(self) -> Floats:
        """Return a row for every block of the space."""
        n = len(self._terms)
        return np.column_stack([self._source.block_ms_, np.ones(n), np.zeros(n), self._terms])

    def of_networks(self, genes: Genes) -> Floats:
        """Return a row for every network."""
        n = len(genes)
        terms = sum_over_blocks(self._space.block_ids(genes), self._terms)
        return np.column_stack([self._source.predict(genes), np.ones(n), np.ones(n), terms])


def _predicted(template: Measurement, *, block: Subject, latency_ms: float, std: float) -> Measurement:
    """Return an entry that was not measured: no repeats, the reference undisturbed, and its deviation said."""
    return Measurement(
        subject=block,
        latency_ms=latency_ms,
        raw_ms=latency_ms,
        spread=0.0,
        repeats=0,
        drift=1.0,
        reference_ms=template.baseline_ms,
        order=0,
        measured_at=template.measured_at,
        predicted_std=std,
    )
