"""Search problems of the form that ``benchmarks.search_efficiency`` runs, made up: other shapes than the known ones.

A problem is a function over integer genes to values that are all minimised; it has ``cards``, ``canonical``, ``share``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from runs.objectives.pareto import hypervolume


@dataclass(frozen=True)
class MadeUp:
    cards: tuple[int, ...]
    evaluate: Callable[[np.ndarray], np.ndarray]
    canonicalise: Callable[[np.ndarray], np.ndarray]
    ref: tuple[float, ...]
    best: float

    def __call__(self, x: Any) -> tuple[float, ...]:
        return tuple(self.evaluate(np.asarray(x, int)[None])[0].tolist())

    def canonical(self, x: Any) -> tuple[int, ...]:
        return tuple(int(v) for v in self.canonicalise(np.asarray(x, int)[None])[0])

    def share(self, points: Any) -> float:
        return hypervolume(np.asarray(points, float), self.ref) / self.best


def _problem(cards: tuple[int, ...], evaluate: Any, canonicalise: Any) -> MadeUp:
    """The reference: the best of a long evolution on the true values, scaled by a large random sample."""
    from runs.search.algorithms.design import skewed_sample
    from runs.search.algorithms.nsga2 import Effort, evolve_front

    class Genotype:
        pass

    genotype: Any = Genotype()
    genotype.cards = np.array(cards)
    genotype.canonical = lambda rows: canonicalise(np.asarray(rows, int)).astype(np.int16)
    rng = np.random.default_rng(0)
    start = skewed_sample(genotype, rng, 2000)
    values = evaluate(start.astype(int))
    m = values.shape[1]
    genes = evolve_front(
        genotype,
        values_of=lambda rows: evaluate(rows.astype(int)),
        start=start[:400],
        num_objectives=m,
        limits=np.full(m, np.inf),
        effort=Effort(population=600, generations=60, parents=300, returned=300),
        rng=rng,
    )
    ref = tuple((values.max(axis=0) * 1.02).tolist())
    best = hypervolume(np.concatenate([values, evaluate(genes.astype(int))]), ref)
    return MadeUp(cards, evaluate, canonicalise, ref, best)


def interleaved(layers: int = 8, seed: int = 1) -> MadeUp:
    """Layer by layer: kind, width, bits; two kinds ignore the width. Interactions in a layer, a sinusoid, no depth."""
    rng = np.random.default_rng(seed)
    value, price = rng.uniform(0.3, 1.0, (layers, 4)), rng.uniform(0.2, 1.0, 4)
    cards = (4, 3, 2) * layers

    def canonicalise(x: np.ndarray) -> np.ndarray:
        out = x.reshape(len(x), layers, 3).copy()
        out[..., 1] *= out[..., 0] >= 2
        return out.reshape(len(x), -1)

    def evaluate(x: np.ndarray) -> np.ndarray:
        kind, width, bits = np.moveaxis(canonicalise(x).reshape(len(x), layers, 3), 2, 0)
        cost = (price[kind] * (1.0 + width) * np.where(bits == 0, 0.4, 1.0)).sum(1) + 1.0
        worth = value[np.arange(layers), kind] * (1.0 + 0.4 * width) * np.where(bits == 0, 0.8, 1.0)
        loss = 3.0 + 20.0 * np.exp(-worth.sum(1) / 3.0) + 0.1 * np.sin(3.0 * worth.sum(1))
        return np.stack([cost, loss], 1)

    return _problem(cards, evaluate, canonicalise)


def reversed_depth(layers: int = 16, seed: int = 2) -> MadeUp:
    """Binary genes, the depth in the last gene and falling with it; the cost is a product, the loss unordered."""
    rng = np.random.default_rng(seed)
    gain = rng.normal(0.6, 0.5, layers)
    cards = (2,) * layers + (5, 9)

    def on(x: np.ndarray) -> np.ndarray:
        return np.arange(layers)[None] < layers - x[:, -1:]

    def canonicalise(x: np.ndarray) -> np.ndarray:
        return np.concatenate([x[:, :layers] * on(x), x[:, layers:]], 1)

    def evaluate(x: np.ndarray) -> np.ndarray:
        active = on(x)
        depth, width = active.sum(1), np.array([64, 320, 128, 512, 256])[x[:, layers]]
        cost = width**1.4 * (depth + (x[:, :layers] * active).sum(1)) / 1000.0
        quality = (np.log(width) - 4.0) * 0.8 + 0.1 * depth + ((2 * x[:, :layers] - 1) * gain * active).sum(1) / 4.0
        return np.stack([cost, 40.0 / (1.0 + np.exp(quality)) + 2.0], 1)

    return _problem(cards, evaluate, canonicalise)


def three_objectives(layers: int = 10, seed: int = 3) -> MadeUp:
    """Latency, memory and loss of blocks of one choice each, with a depth first."""
    rng = np.random.default_rng(seed)
    table = rng.uniform(0.1, 1.0, (3, layers, 4))
    cards = (5,) + (4,) * layers

    def on(x: np.ndarray) -> np.ndarray:
        return np.arange(layers)[None] < 6 + x[:, :1]

    def canonicalise(x: np.ndarray) -> np.ndarray:
        return np.concatenate([x[:, :1], x[:, 1:] * on(x)], 1)

    def evaluate(x: np.ndarray) -> np.ndarray:
        parts = table[:, np.arange(layers), x[:, 1:]] * on(x)
        latency, memory = 1.0 + parts[0].sum(1), 2.0 + parts[1].max(1) + 0.3 * parts[1].sum(1)
        loss = 1.0 + 8.0 * np.exp(-(parts[2] + 0.3 * parts[0] + 0.3 * parts[1]).sum(1) / 3.0)
        return np.stack([latency, memory, loss], 1)

    return _problem(cards, evaluate, canonicalise)


PROBLEMS = {"interleaved": interleaved, "reversed_depth": reversed_depth, "three_objectives": three_objectives}
