"""The networks that a search is compared with: plain random search, and networks whose layers are all the same."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from runs.search import CostFunction
from search_space import Architecture, Layer, SearchSpace
from search_space.architecture import IDENTITY

__all__ = ["every_uniform", "random_networks", "uniform_networks"]


def random_networks(space: SearchSpace, count: int, *, seed: int) -> list[Architecture]:
    """Return the networks of plain random search, distinct, in order."""
    drawn = space.decode(space.sample_genes(np.random.default_rng(seed), 2 * count))
    return list(dict.fromkeys(drawn))[:count]


def uniform_networks(space: SearchSpace, count: int, *, cost_function: CostFunction) -> list[Architecture]:
    """Return networks whose layers are all the same, spread evenly over the latency of all such networks."""
    every = every_uniform(space)
    return _evenly(every, cost_function(space.encode(every))["latency_ms"], count) if every else []


def every_uniform(space: SearchSpace) -> list[Architecture]:
    """Return all networks whose layers have the same mixer, channel mixer, sizes, options and a single precision."""
    layers = dict.fromkeys(
        space.canonical_layer(
            Layer(
                mixer=mixer,
                num_heads=heads,
                channel_mixer=channel,
                ratio=ratio,
                mixer_precision=precision,
                channel_precision=precision,
                mixer_options=mine,
                channel_options=its,
            )
        )
        for mixer, heads, channel, ratio, precision in itertools.product(
            space.mixer, space.num_heads, space.channel_mixer, space.ratio, space.precision
        )
        if IDENTITY not in (mixer, channel)
        for mine, its in itertools.product(space.variants("mixer", mixer), space.variants("channel_mixer", channel))
    )
    return [
        Architecture(embed_dim=width, float_precision=floats, layers=(layer,) * depth)
        for width, floats, depth, layer in itertools.product(
            space.embed_dim, space.float_precision, space.depth, layers
        )
    ]


def _evenly(items: Sequence[Architecture], values: NDArray[np.float64], n: int) -> list[Architecture]:
    order = np.argsort(values, kind="stable")
    picked = np.unique(np.linspace(0, len(items) - 1, min(n, len(items))).round().astype(int))
    return [items[i] for i in order[picked]]
