"""Synthetic devices and qualities with a known truth."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from hardware_profiles.measurement import Measurand
from predictors import CostModel
from search_space import Architecture, Block, SearchSpace


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    latency_ms: float

    def value(self, measurand: Measurand) -> float | None:
        return self.latency_ms if measurand is Measurand.LATENCY else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    blocks: dict[Block, Measured]
    networks: list[tuple[Architecture, Measured]] = field(default_factory=list)


def block_ms(space: SearchSpace, block: Block) -> float:
    """A launch, operations and bytes; integer formats are faster and moving the data is not."""
    cost = space.cost(block)
    speed = {"float": 1.0, "w8a8": 0.4, "w8": 0.8, "w4": 0.7}[block.precision]
    size = cost.size_bytes(block.precision, block.float_precision)
    return 0.004 + speed * cost.flops / 20e6 + size / 10e6


def additive_ms(space: SearchSpace, genes: np.ndarray) -> np.ndarray:
    """The sum over blocks, slot by slot."""
    table = np.array([*(block_ms(space, b) for b in space.blocks), 0.0])
    return table[space.block_ids(genes)].sum(axis=1)


def network_ms(space: SearchSpace, genes: np.ndarray) -> np.ndarray:
    """Whole networks: launches overlap, one call of the runtime, and weights that fall out of a cache."""
    blocks = (space.block_ids(genes) >= 0).sum(axis=1)
    return 0.93 * additive_ms(space, genes) - 0.003 * blocks + 0.02 + CostModel(space).size_bytes(genes) / 20e6


def profile(
    space: SearchSpace,
    *,
    networks: int,
    truth=additive_ms,
    noise: float = 0.0,
    seed: int = 0,
    keep=lambda block: True,
) -> Profile:
    rng = np.random.default_rng(seed)
    genes = space.sample_genes(rng, networks)
    latency = truth(space, genes) * np.exp(noise * rng.standard_normal(networks))
    return Profile(
        blocks={b: Measured(latency_ms=block_ms(space, b)) for b in space.blocks if keep(b)},
        networks=[(a, Measured(latency_ms=float(ms))) for a, ms in zip(space.decode(genes), latency, strict=True)],
    )


def error_percent(space: SearchSpace, genes: np.ndarray) -> np.ndarray:
    """A validation error: it saturates in a capacity that layers share unequally, and 4 bits hurt early layers most."""
    layers, active = space.layer_genes(genes), space.active(genes)
    position = np.arange(space.max_depth)
    importance = np.where(active, 1.0 / (1.0 + position), 0.0)
    identity = space.mixer.index("identity")
    capacity = (importance * ((layers[..., 0] != identity) * (1 + layers[..., 1]) + 0.8 * (1 + layers[..., 3]))).sum(1)
    hurt = (importance * (space.precision.index("w4") == layers[..., 5])).sum(1)
    return 4.0 + 60.0 * np.exp(-0.5 * capacity * (1 + 0.2 * genes[:, 0])) + 3.0 * hurt**1.5
