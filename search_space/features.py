"""Numeric features of architectures for predictors: gene matrices in, float matrices out, no Python loop over rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from search_space.space import Genes, SearchSpace
from search_space.space.choices import LAYER_GENES

__all__ = ["features", "totals_columns"]


def features(space: SearchSpace, genes: Genes) -> NDArray[np.float64]:
    """Return ``(n, d)``: one-hot choices and relative sizes of each layer, zero past the depth, and their totals.

    Constant columns are kept, so that ``d`` depends on the space alone.
    """
    n = len(genes)
    active = space.active(genes)
    layers = space.layer_genes(genes)
    has_heads, has_ratio = (space.flag(*f) for f in (("mixer", "has_heads"), ("channel_mixer", "has_ratio")))
    mixer = np.eye(len(space.mixer))[layers[..., 0]]
    channel = np.eye(len(space.channel_mixer))[layers[..., 2]]
    heads = np.asarray(space.num_heads, float)[layers[..., 1]] / max(space.num_heads) * has_heads[layers[..., 0]]
    ratio = np.asarray(space.ratio, float)[layers[..., 3]] / max(space.ratio) * has_ratio[layers[..., 2]]
    bits = [np.eye(len(space.precision))[layers[..., column]][..., 1:] for column in (4, 5)]
    options = _options(space, layers)
    body = np.concatenate([mixer, channel, heads[..., None], ratio[..., None], *bits, *options], axis=2)
    body = body * active[..., None]
    width = np.asarray(space.embed_dim, float)[genes[:, 0]] / max(space.embed_dim)
    whole = [
        np.eye(len(space.embed_dim))[genes[:, 0]],
        np.eye(len(space.depth))[genes[:, 1]],
        np.eye(len(space.float_precision))[genes[:, 2]],
        width[:, None] * body.sum(axis=1),
        body.sum(axis=1),
    ]
    return np.concatenate([*whole, body.reshape(n, -1)], axis=1)


def _options(space: SearchSpace, layers: Genes) -> list[NDArray[np.float64]]:
    """Return ``(n, max_depth, k)`` of each option that is searched: relative, or one-hot without the first."""
    found = []
    for place, gene in enumerate(space.option_genes, start=len(LAYER_GENES)):
        keys, column = (space.mixer, 0) if gene.kind == "mixer" else (space.channel_mixer, 2)
        mine = (layers[..., column] == keys.index(gene.key))[..., None]
        if gene.of_numbers:
            values = np.asarray(gene.values, float)
            found.append((values / (np.abs(values).max() or 1.0))[layers[..., place]][..., None] * mine)
        else:
            found.append(np.eye(len(gene.values))[layers[..., place]][..., 1:] * mine)
    return found


def totals_columns(space: SearchSpace) -> slice:
    """Return which columns of :func:`features` are totals over the layers, each between 0 and the depth."""
    globals_ = len(space.embed_dim) + len(space.depth) + len(space.float_precision)
    a_layer = len(space.mixer) + len(space.channel_mixer) + 2 + 2 * (len(space.precision) - 1)
    a_layer += sum(1 if gene.of_numbers else len(gene.values) - 1 for gene in space.option_genes)
    return slice(globals_ + a_layer, globals_ + 2 * a_layer)
