"""Progressive opening of the sizes: a training that begins near the largest network and lets smaller ones in by and by.

Paper: Cai et al. 2020, Once-for-All (progressive shrinking).
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from search_space import Architecture, SearchSpace

__all__ = ["open_choices", "open_smallest"]

_SIZES = ("embed_dim", "depth", "num_heads", "ratio")


@lru_cache(maxsize=64)
def _open(values: tuple[float, ...], share: float) -> NDArray[np.int64]:
    count = 1 + round(share * (len(values) - 1))
    return np.sort(np.argsort(values)[::-1][:count])


def open_choices(space: SearchSpace, share: float) -> list[NDArray[np.int64]]:
    """Return which choices each gene has: the largest sizes alone at share 0, everything at 1."""
    named = zip(space.gene_names, space.gene_values, strict=True)
    sizes = {*_SIZES, *(f"layer{i}.{size}" for i in range(space.max_depth) for size in _SIZES)}
    return [_open(values, share) if name in sizes else np.arange(len(values)) for name, values in named]


def open_smallest(space: SearchSpace, share: float) -> Architecture:
    """Return the space's smallest network, in the smallest sizes that are open."""

    def least(values: tuple[float, ...]) -> float:
        return min(float(values[i]) for i in _open(values, share))

    smallest = space.smallest
    layer = smallest.layers[0]
    layer = replace(
        layer,
        num_heads=int(least(space.num_heads)) if layer.num_heads else 0,
        ratio=least(space.ratio) if layer.ratio else 0.0,
    )
    layer = space.canonical_layer(layer)
    width, depth = int(least(space.embed_dim)), int(least(space.depth))
    return replace(smallest, embed_dim=width, layers=(layer,) * depth)
