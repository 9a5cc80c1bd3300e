"""From gene matrices to block indices by table lookup: the vectorised link between networks and what was measured."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_space.blocks import Block, layer_blocks
from search_space.space.choices import Choices, Genes
from search_space.space.layer_table import LayerTable

__all__ = ["BlockTable"]


class BlockTable:
    """Every distinct block of a space, and which of them a network consists of."""

    def __init__(self, space: Choices, layers: LayerTable) -> None:
        self._space, self._layers = space, layers
        index: dict[Block, int] = {}
        task = space.geometry.task
        outer = (len(space.float_precision), len(space.embed_dim))
        mixer_genes = (layers.mixers.count, len(space.num_heads), len(space.precision))
        channel_genes = (layers.channels.count, len(space.ratio), len(space.precision))
        self._ends = np.zeros((*outer, 2), np.intp)
        self._mixers = np.zeros((*outer, *mixer_genes), np.intp)
        self._channels = np.zeros((*outer, *channel_genes), np.intp)

        def number(block: Block | None) -> int:
            return -1 if block is None else index.setdefault(block, len(index))

        for f, e in np.ndindex(outer):
            sizes: dict[str, Any] = {"embed_dim": space.embed_dim[e], "float_precision": space.float_precision[f]}
            ends = (Block(kind="stem", key=task.stem, **sizes), Block(kind="head", key=task.head, **sizes))
            self._ends[f, e] = [number(block) for block in ends]
            for m, h, p in np.ndindex(mixer_genes):
                layer = layers.layer_of(self._genes("mixer", m, h, p))
                self._mixers[f, e, m, h, p] = number(layer_blocks(layer, **sizes)[0])
            for c, r, p in np.ndindex(channel_genes):
                layer = layers.layer_of(self._genes("channel_mixer", c, r, p))
                self._channels[f, e, c, r, p] = number(layer_blocks(layer, **sizes)[1])
        self.blocks: tuple[Block, ...] = tuple(index)

    def ids(self, genes: Genes) -> NDArray[np.intp]:
        """Return ``(n, 2 + 2 * max_depth)`` indices; see :meth:`SearchSpace.block_ids`."""
        space = self._space
        layers, width, floats = space.layer_genes(genes), genes[:, [0]], genes[:, [2]]
        active = space.active(genes)
        out = np.full((len(genes), 2 + 2 * space.max_depth), -1, dtype=np.intp)
        out[:, 0], out[:, -1] = self._ends[floats[:, 0], width[:, 0]].T
        mixer, channel = self._layers.variants_of(layers)
        mixers = self._mixers[floats, width, mixer, layers[..., 1], layers[..., 4]]
        channels = self._channels[floats, width, channel, layers[..., 3], layers[..., 5]]
        out[:, 1:-1:2], out[:, 2:-1:2] = np.where(active, mixers, -1), np.where(active, channels, -1)
        return out

    def _genes(self, kind: str, variant: int, size: int, precision: int) -> list[int]:
        """Return the genes of a layer with a variant of a mixer or channel mixer; the other one is of no matter."""
        variants, places = (self._layers.mixers, (0, 1, 4)) if kind == "mixer" else (self._layers.channels, (2, 3, 5))
        genes = np.zeros(len(self._space.layer_gene_names), np.intp)
        genes[list(places)] = variants.block[variant], size, precision
        genes[variants.columns] = variants.canonical_genes(variant, size)
        return genes.tolist()
