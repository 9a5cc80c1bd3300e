"""What the weights of a trained network are worth to another one that begins with them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from search_space import Genes, SearchSpace

__all__ = ["block_affinity"]

Floats = NDArray[np.float64]
# Chosen by what three searches on the digits saw: 313 rounds, predicted from those before, have a log likelihood of
# 170 with these, of 149 with linear shares and half for another width. Measured directly, by ``python -m
# benchmarks.inheritance``, 850 steps of a donor are worth 90 to a network of one other gene; in single runs on clinc150
# 800 to 1600 are worth 50 to 100 to networks that have a third in common.
_WORTH, _POWER = 0.3, 3
_OTHER_WIDTH = 0.25
_OTHER_OPTIONS = 0.5  # not measured: that of another width, for a part of the weights differs or computes otherwise


def block_affinity(space: SearchSpace) -> Callable[[Genes, Genes], Floats]:
    """Return the affinity of networks of a space, by the share of blocks that a network has in common with a donor.

    A block is a layer's mixer or channel mixer, in whatever size and precision; stem and head are always in common.
    Another width costs most of it, for features are then cut off or drawn; other options of a block cost half the
    block.
    """

    def affinity(genes: Genes, donors: Genes) -> Floats:
        mine, theirs = _blocks(space, genes), _blocks(space, donors)
        there = mine[:, None] >= 0
        alike = (mine[:, None] == theirs[None]) & there
        same = alike.sum(axis=2)
        if space.option_genes:
            other = _variants(space, genes)[:, None] != _variants(space, donors)[None]
            same = same - _OTHER_OPTIONS * (alike & other).sum(axis=2)
        share = (same + 2) / (there.sum(axis=2) + 2)
        width = np.where(genes[:, None, 0] == donors[None, :, 0], 1.0, _OTHER_WIDTH)
        worth: Floats = _WORTH * share**_POWER * width
        return worth

    return affinity


def _blocks(space: SearchSpace, genes: Genes) -> NDArray[np.int64]:
    """Return a number of each layer's mixer and channel mixer, ``(n, 2 * max_depth)``, -1 where there is none."""
    layers, active = space.layer_genes(genes).astype(np.int64), space.active(genes)
    columns = []
    for gene, name in ((0, "mixer"), (2, "channel_mixer")):
        kind = layers[..., gene]
        skipped = space.flag(name, "skips")[kind] == 1
        columns.append(np.where(active & ~skipped, kind, -1))
    return np.concatenate(columns, axis=1)


def _variants(space: SearchSpace, genes: Genes) -> NDArray[np.intp]:
    """Return a number of the block and its searched options, in the places of :func:`_blocks`."""
    mixers, channels = space.variant_numbers(genes)
    return np.concatenate([mixers, channels], axis=1)
