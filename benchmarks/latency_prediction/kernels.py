"""Zero-shot latency of kernels on a device that only its specification sheet tells of.

A kernel's time is a physical bound, computed from the sheet, times a slowdown learned on other devices. Each known
device has its own regression of the log-slowdown on the shape relative to the device: waves of tiles, depth, intensity,
work outside of the product, alignment. An unseen device gets the mean of the known ones, weighted by how near their
bandwidths are: cards of one class share limits of power and cooling that no sheet prints. What each known device is off
when it is predicted from the others gives the interval.

The bound of a matrix product adds compute, on-chip and main memory as squares, since kernels overlap them only in part.
A core's on-chip memory delivers 128 bytes a cycle and an 8 x 8 register tile needs half a byte a FLOP, so cores of 128
lanes reach less of their peak than cores of 64.

Papers: Lee, Phanishayee and Mahajan 2025 (NeuSight: tiles and waves); Williams, Waterman and Patterson 2009 (roofline).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls
from scipy.special import stdtrit

from benchmarks.latency_prediction.roofline import SpecSheet
from predictors.ridge import Ridge, RidgePath

__all__ = ["GemmPredictor", "Gemms", "StreamPredictor", "Streams"]

Floats = NDArray[np.float64]
_ON_CHIP_BYTES_PER_CYCLE = 128.0
_TILE = 128
_FLOAT_BYTES = 4.0
# Octaves of bandwidth within which devices are of one class, and by how many standard deviations of the slowdown the
# products of models, whose sizes fill tiles, are faster than those of random sizes: together the least error of whole
# models on the training devices, each predicted from the others.
_CLASS_OCTAVES = 1.0
_WELL_TILED = 1.25
# A belief worth one device about how far an unseen one lies from the known ones.
_PRIOR_SPREAD = 0.2
_ROWS_PER_DEVICE = 8000
_REWEIGHTINGS = 20
# Longer rows do not fit the registers of one warp.
_WARP_ROW = 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Gemms:
    """Products ``(batch, m, k) x (batch, k, n)``; every field ``(rows,)``."""

    batch: Floats
    m: Floats
    n: Floats
    k: Floats

    def __len__(self) -> int:
        return len(self.m)

    def take(self, index: NDArray[np.int_]) -> Gemms:
        """Return the rows of ``index``."""
        return Gemms(batch=self.batch[index], m=self.m[index], n=self.n[index], k=self.k[index])

    @property
    def flops(self) -> Floats:
        """Return FLOPs of each row."""
        result: Floats = 2.0 * self.batch * self.m * self.n * self.k
        return result

    @property
    def bytes_moved(self) -> Floats:
        """Return bytes of operands and result in float32."""
        result: Floats = _FLOAT_BYTES * self.batch * (self.m * self.k + self.n * self.k + self.m * self.n)
        return result

    @property
    def tiles(self) -> Floats:
        """Return how many tiles each row has."""
        result: Floats = self.batch * np.ceil(self.m / _TILE) * np.ceil(self.n / _TILE)
        return result


@dataclass(frozen=True, kw_only=True, slots=True)
class Streams:
    """Memory-bound kernels over rows of ``width`` numbers; both fields ``(rows,)``."""

    bytes_moved: Floats
    width: Floats


def gemm_bound_ms(gemms: Gemms, sheet: SpecSheet) -> Floats:
    """Return the least time ``(rows,)`` in ms: compute, on-chip and main memory, added as squares."""
    compute = gemms.flops / sheet.flops
    lanes = sheet.lanes
    on_chip = compute * (lanes / _ON_CHIP_BYTES_PER_CYCLE)
    memory = gemms.bytes_moved / sheet.bandwidth
    result: Floats = 1e3 * np.sqrt(compute**2 + on_chip**2 + memory**2)
    return result


def _gemm_features(gemms: Gemms, sheet: SpecSheet) -> Floats:
    """Return ``(rows, d)`` features of a product relative to a device."""
    per_core = gemms.tiles / max(sheet.cores, 1)
    waves = np.clip(np.log2(per_core), -5.0, 6.0)
    full = np.clip(per_core / np.ceil(per_core), 0.02, 1.0)
    depth = np.clip(np.log2(gemms.k), 3.0, 13.0)
    narrow = np.clip(np.log2(np.minimum(gemms.m, gemms.n)), 0.0, 9.0)
    intensity = (gemms.bytes_moved / sheet.bandwidth) / (gemms.flops / sheet.flops)
    memory = np.clip(np.log2(intensity), -6.0, 3.0)
    base = [waves, depth, narrow, memory]
    columns = [*base, np.log(full)]
    columns += [a * b for i, a in enumerate(base) for b in base[i:]]
    columns += [np.maximum(waves - knot, 0.0) for knot in (-2.0, 0.0, 2.0)]
    columns += [np.maximum(depth - knot, 0.0) for knot in (6.0, 8.0, 10.0)]
    # Work that tiles of several sizes do outside of the product.
    columns += [_waste(gemms.m, tile) + _waste(gemms.n, tile) for tile in (32, 64, 128)]
    columns += [_waste(gemms.k, step) for step in (8, 32)]
    columns += [(size % 4 == 0).astype(float) for size in (gemms.m, gemms.n, gemms.k)]
    columns.append((gemms.batch > 1).astype(float))
    return np.column_stack(columns)


def _waste(size: Floats, tile: int) -> Floats:
    result: Floats = np.log(np.ceil(size / tile) * tile / size)
    return result


def _nearness(sheets: Sequence[SpecSheet], sheet: SpecSheet) -> Floats:
    """Return the weight of each known device ``(devices,)``: all on the device itself, else by nearness."""
    itself = np.array([known.name == sheet.name for known in sheets])
    if itself.any():
        return np.asarray(itself / itself.sum())
    octaves = np.log2([known.bandwidth / sheet.bandwidth for known in sheets])
    exponent = -0.5 * (octaves / _CLASS_OCTAVES) ** 2
    weights = np.exp(exponent - exponent.max())
    return np.asarray(weights / weights.sum())


class GemmPredictor:
    """Matrix products on unseen devices.

    Attributes
    ----------
    slowdowns_
        Of each known device, the log of latency over bound as a function of the shape.
    scatter_
        ``(devices,)`` standard deviations of what that function leaves.
    spread_
        Scale of an unseen device's log-latency around its prediction, with one degree of freedom a known device.
    """

    slowdowns_: list[Ridge]
    scatter_: Floats
    spread_: float

    def __init__(self, *, seed: int = 0) -> None:
        self.seed = seed

    def fit(self, measured: Sequence[tuple[SpecSheet, Gemms, Floats]]) -> GemmPredictor:
        """Fit on (sheet, products, latency in ms) of every known device."""
        if not measured:
            raise ValueError("measured: expected at least one device, got none; measure one")
        rng = np.random.default_rng(self.seed)
        self.sheets_ = [sheet for sheet, _, _ in measured]
        self.slowdowns_, scatter, held = [], [], []
        for sheet, gemms, latency in measured:
            launch = float(np.quantile(latency, 0.002))
            # Products that a launch dominates say nothing about throughput.
            index = np.flatnonzero(latency > 3.0 * launch)
            if not len(index):
                index = np.arange(len(latency))
            index = rng.permutation(index)[:_ROWS_PER_DEVICE]
            kept, work = gemms.take(index), np.sqrt(np.maximum(latency[index] ** 2 - launch**2, 0.01 * launch**2))
            # Long kernels are what a model's time consists of.
            weight = np.sqrt(np.clip(work, 0.1, 10.0))
            features, target = _gemm_features(kept, sheet), np.log(work / gemm_bound_ms(kept, sheet))
            slowdown = RidgePath(features, weights=weight, scale=True, floor=1.0).fit(target, 0)
            self.slowdowns_.append(slowdown)
            scatter.append(float(np.sqrt(np.average((target - slowdown.predict(features)) ** 2, weights=weight))))
            held.append((features, target, weight))
        self.scatter_ = np.array(scatter)
        self.spread_ = self._left_out_spread(held)
        return self

    def _left_out_spread(self, held: Sequence[tuple[Floats, Floats, Floats]]) -> float:
        """Return the scale of what each device's mean log-latency is off when it is predicted from the others."""
        squares = [_PRIOR_SPREAD**2]
        for i, (features, target, weight) in enumerate(held):
            others = [j for j in range(len(held)) if j != i]
            if others:
                near = _nearness([self.sheets_[j] for j in others], self.sheets_[i])
                known = np.stack([self.slowdowns_[j].predict(features) for j in others])
                squares.append(float(np.average(target - near @ known, weights=weight)) ** 2)
        return math.sqrt(sum(squares) / len(squares))

    def predict(self, gemms: Gemms, *, sheet: SpecSheet, launch_ms: float = 0.0) -> Floats:
        """Return latencies ``(rows,)`` in ms of products of well-chosen sizes on ``sheet``'s device."""
        features = _gemm_features(gemms, sheet)
        each = np.stack([slowdown.predict(features) for slowdown in self.slowdowns_])
        mean = _nearness(self.sheets_, sheet) @ (each - _WELL_TILED * self.scatter_[:, None])
        result: Floats = gemm_bound_ms(gemms, sheet) * np.exp(np.maximum(mean, 0.0)) + launch_ms
        return result

    def interval_factor(self, coverage: float = 0.9) -> float:
        """Return the factor by which a sum of kernels on an unseen device may be longer, and shorter."""
        if not 0.0 < coverage < 1.0:
            raise ValueError(f"coverage: expected a number between 0 and 1, got {coverage}; 0.9 is usual")
        degrees = float(len(self.sheets_))
        return math.exp(float(stdtrit(degrees, (1.0 + coverage) / 2.0)) * self.spread_)


class StreamPredictor:
    """Memory-bound kernels on unseen devices: a launch and bytes over the bandwidth that kernels reach.

    Attributes
    ----------
    rates_
        ``(devices, 4)``: launch in ms; printed over reached bandwidth, and what is added to it where rows are not
        aligned and where they are too long for the registers of one warp.
    """

    rates_: Floats

    def fit(self, measured: Sequence[tuple[SpecSheet, Streams, Floats]]) -> StreamPredictor:
        """Fit on (sheet, kernels, latency in ms) of every training device."""
        if not measured:
            raise ValueError("measured: expected at least one device, got none; measure one")
        self.sheets_ = [sheet for sheet, _, _ in measured]
        rates = []
        for sheet, streams, latency in measured:
            design = np.column_stack([np.ones(len(latency)), _stream_terms(streams, sheet)])
            weight = 1.0 / latency
            for _ in range(_REWEIGHTINGS):
                solution = nnls(design * weight[:, None], latency * weight)[0]
                relative = np.abs(design @ solution / latency - 1.0)
                # Towards the least absolute relative error: single measurements are far off.
                weight = 1.0 / (latency * np.sqrt(np.maximum(relative, 0.02)))
            rates.append(solution)
        self.rates_ = np.array(rates)
        return self

    def predict(self, streams: Streams, *, sheet: SpecSheet, launch_ms: float = 0.0) -> Floats:
        """Return latencies ``(rows,)`` in ms on ``sheet``'s device."""
        rates = _nearness(self.sheets_, sheet) @ self.rates_[:, 1:]
        result: Floats = _stream_terms(streams, sheet) @ rates + launch_ms
        return result


def _stream_terms(streams: Streams, sheet: SpecSheet) -> Floats:
    """Return ``(rows, 3)`` times in ms at the printed bandwidth: all, of unaligned rows, of long rows."""
    time = 1e3 * streams.bytes_moved / sheet.bandwidth
    return np.column_stack([time, time * (streams.width % 4 > 0), time * (streams.width > _WARP_ROW)])
