"""The search space: which networks exist, all of them legal for their task.

A space is declared by its choices (widths, depths, mixers, ...) and bound to a task, whose causality, grid and sizes
decide what is legal. A population is a *gene matrix* ``(n, genes)`` of small integers, which everything that must be
fast works on; :meth:`SearchSpace.decode` and :meth:`SearchSpace.encode` translate to and from :class:`Architecture`.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from operator import attrgetter
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from search_space.architecture import Architecture, Layer
from search_space.blocks import Block
from search_space.errors import SpaceError
from search_space.options import Options
from search_space.space import corners
from search_space.space.block_table import BlockTable
from search_space.space.choices import GLOBAL_GENES, LAYER_GENES, Choices, Genes
from search_space.space.layer_table import LayerTable
from search_space.space.legality import check_architecture, check_space
from search_space.spec import Kind

__all__ = ["SearchSpace"]

_LAYER_FIELDS = (*LAYER_GENES, "mixer_options", "channel_options")
_fields_of = attrgetter(*_LAYER_FIELDS)


class _Trial(Protocol):
    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any: ...


@dataclass(frozen=True, kw_only=True)
class SearchSpace(Choices):
    """All networks that a search may propose.

    Parameters
    ----------
    geometry
        The task's shapes, the width of a head and options of the blocks: constants, or tuples of values, of which each
        layer with the block chooses. The space keeps a geometry with all the options of its blocks, the defaults of
        those that are absent, and no others.
    embed_dim, depth, float_precision
        Choices for the whole network.
    mixer, num_heads, channel_mixer, ratio, precision
        Choices for each layer; a mixer and a channel mixer choose their precision apart, and their options.
    catalogue
        The declared blocks.
    largest_blocks
        Mixer and channel mixer of :attr:`largest`; by default those with the most parameters.

    Raises
    ------
    SpaceError
        When a choice is not legal for the task.
    """

    def __post_init__(self) -> None:
        check_space(self)
        options: dict[str, dict[str, Any]] = {}
        for spec in self.specs:
            if spec.options:
                own = options.setdefault(spec.key, {})
                own |= {**spec.options, **self.geometry.options.get(spec.key, {})}
                for name in spec.later_options & own.keys():
                    if own[name] == spec.options[name]:
                        del own[name]
        options = {key: own for key, own in options.items() if own}
        object.__setattr__(self, "geometry", replace(self.geometry, options=options))
        object.__setattr__(self, "ratio", tuple(map(float, self.ratio)))

    def __repr__(self) -> str:
        return f"SearchSpace({self.name!r}, about 10^{self.log10_size:.0f} networks, fingerprint={self.fingerprint!r})"

    # ------------------------------------------------------------------ genes

    def canonical(self, genes: NDArray[np.integer[Any]]) -> Genes:
        """Return the legal, canonical form of any in-range gene matrix: inactive genes are 0.

        Options that do not exist at a layer's sizes become the nearest ones that do.
        A layer that would do nothing (two identities) gets the first channel mixer that does something, or, where the
        space has none, the first mixer that does.
        """
        out = np.array(genes, dtype=np.int16)
        self._layer_table.neutralise(self.layer_genes(out), self.active(out))
        return out

    def decode(self, genes: NDArray[np.integer[Any]]) -> list[Architecture]:
        """Return the architecture of every row of a gene matrix (canonicalised first)."""
        genes = self.canonical(genes)
        layers = self.layer_genes(genes)
        cache: dict[tuple[int, ...], Layer] = {}
        out = []
        for row, body in zip(genes.tolist(), layers.tolist(), strict=True):
            depth = self.depth[row[1]]
            parts = []
            for layer in map(tuple, body[:depth]):
                if layer not in cache:
                    cache[layer] = self._layer_table.layer_of(layer)
                parts.append(cache[layer])
            out.append(
                Architecture(
                    embed_dim=self.embed_dim[row[0]], float_precision=self.float_precision[row[2]], layers=tuple(parts)
                )
            )
        return out

    def encode(self, architectures: Sequence[Architecture]) -> Genes:
        """Return the gene matrix of architectures; raises ``SpaceError`` for one outside of the space."""
        out = np.zeros((len(architectures), len(self.gene_names)), dtype=np.int16)
        widths, depths, floats = ({v: i for i, v in enumerate(choices)} for choices in self.gene_values[:3])
        # Every distinct layer gets a number when it is first seen; the rest is one pass without a Python loop.
        number: defaultdict[tuple[Any, ...], int] = defaultdict(itertools.count().__next__)
        flat = itertools.chain.from_iterable(a.layers for a in architectures)
        numbers = np.fromiter(map(number.__getitem__, map(_fields_of, flat)), np.intp)
        try:
            out[:, 0] = [widths[a.embed_dim] for a in architectures]
            out[:, 1] = [depths[len(a.layers)] for a in architectures]
            out[:, 2] = [floats[a.float_precision] for a in architectures]
            layers = (Layer(**dict(zip(_LAYER_FIELDS, fields, strict=True))) for fields in number)
            table = list(map(self._layer_table.genes_of, layers))
        except (ValueError, KeyError):
            for architecture in architectures:
                self.validate(architecture)
            raise
        rows = np.array(table, np.int16).reshape(-1, len(self.layer_gene_names))
        self.layer_genes(out)[self.active(out)] = rows[numbers]
        return out

    def canonical_layer(self, layer: Layer) -> Layer:
        """Return the layer with its inactive fields set to their neutral values, absent options to their first choice.

        Raises ``KeyError`` for a foreign block, and ``ValueError`` for options that are not searched, and for a size
        that the space does not have where they are.
        """
        return self._layer_table.canonical_layer(layer)

    def layer_of(self, genes: Sequence[int]) -> Layer:
        """Return the layer that the canonical genes of a layer stand for."""
        return self._layer_table.layer_of(genes)

    def variants(self, kind: Kind, key: str) -> list[Options]:
        """Return each way to choose the searched options of a mixer or channel mixer; one without any is ``()``."""
        return (self._layer_table.mixers if kind == "mixer" else self._layer_table.channels).of(key)

    def variant_numbers(self, genes: Genes) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return a number of each layer's mixer with its options, and of its channel mixer, ``(n, max_depth)`` each."""
        return self._layer_table.variants_of(self.layer_genes(genes))

    def largest_options(self, kind: Kind, key: str) -> Options:
        """Return the searched options of a block with the most parameters at the largest sizes; FLOPs break ties."""
        return corners.extreme_options(self, self._layer_table, kind, key, 1)

    def flag(self, gene: str, flag: str) -> NDArray[np.int16]:
        """Return a flag (``has_heads``, ``skips``, ...) of every choice of ``mixer`` or ``channel_mixer`` as 0 or 1."""
        return self._layer_table.flags[gene, flag]

    @cached_property
    def _layer_table(self) -> LayerTable:
        return LayerTable(self)

    # ------------------------------------------------------------- operators

    def sample_genes(self, rng: np.random.Generator, n: int) -> Genes:
        """Draw ``n`` rows, every gene uniform before canonicalisation; duplicates can occur."""
        return self.canonical(rng.integers(0, self.cards, (n, len(self.cards))))

    def sample(self, rng: np.random.Generator) -> Architecture:
        """Draw one architecture."""
        return self.decode(self.sample_genes(rng, 1))[0]

    def mutate(self, genes: Genes, rng: np.random.Generator, *, rate: float) -> Genes:
        """Redraw each gene with probability ``rate``; ``(n, genes)`` in and out."""
        fresh = rng.integers(0, self.cards, genes.shape)
        return self.canonical(np.where(rng.random(genes.shape) < rate, fresh, genes))

    def crossover(self, a: Genes, b: Genes, rng: np.random.Generator) -> Genes:
        """Take each global gene and each whole layer from either parent; ``(n, genes)`` in and out."""
        groups = np.r_[
            np.arange(len(GLOBAL_GENES)),
            np.repeat(np.arange(self.max_depth), len(self.layer_gene_names)) + len(GLOBAL_GENES),
        ]
        from_a = rng.random((len(a), groups[-1] + 1)) < 0.5
        return self.canonical(np.where(from_a[:, groups], a, b))

    def suggest(self, trial: _Trial) -> Architecture:
        """Ask an Optuna trial for every gene; two trials may still name one (canonical) architecture."""
        names = zip(self.gene_names, self.gene_values, strict=True)
        values = [choices.index(trial.suggest_categorical(name, choices)) for name, choices in names]
        return self.decode(np.array([values]))[0]

    def validate(self, architecture: Architecture) -> None:
        """Raise ``SpaceError`` naming the gene and the reason when the architecture is not in the space."""
        check_architecture(self, architecture)

    def __contains__(self, architecture: Architecture) -> bool:
        """Return whether an architecture is in the space."""
        try:
            self.validate(architecture)
        except SpaceError:
            return False
        return True

    # ------------------------------------------------- corners, size, identity

    @cached_property
    def largest(self) -> Architecture:
        """The network with the most parameters (ties: FLOPs, then the order of declaration), in float.

        Where ``largest_blocks`` are given, the one with the most parameters among those of these blocks alone.
        """
        return corners.extreme(self, self._layer_table, 1)

    @cached_property
    def smallest(self) -> Architecture:
        """The network with the fewest parameters (ties: FLOPs, then order), in the smallest precision."""
        return corners.extreme(self, self._layer_table, -1)

    @cached_property
    def middle(self) -> Architecture:
        """The middle choice of every ordered dimension with the first mixer and channel mixer, in float."""
        return corners.middle(self, self._layer_table)

    @cached_property
    def log10_size(self) -> float:
        """Decimal logarithm of the exact number of distinct networks."""
        return corners.log10_size(self, self._layer_table)

    @cached_property
    def fingerprint(self) -> str:
        """Twelve hexadecimal digits of what decides which networks exist and what they compute; not of the name.

        Besides the choices these are the task's shapes, the norm, every option of every block in the space, written or
        default, and the versions of those blocks. Options of blocks outside of the space do not count.
        """
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:12]

    def to_json(self) -> str:
        """Return the canonical JSON text of the declaration and its blocks' versions, without name and catalogue."""
        choices = {g: getattr(self, g) for g in (*GLOBAL_GENES, *LAYER_GENES[:4], "precision")}
        versions = {f"{spec.kind} {spec.key}": spec.version for spec in self.specs}
        content = {"schema": 2, "geometry": self.geometry.to_mapping(), "versions": versions, **choices}
        if self.largest_blocks is not None:  # left out by default, as texts from before there was a choice
            content["largest"] = self.largest_blocks
        return json.dumps(content, sort_keys=True)

    # ----------------------------------------------------------------- blocks

    @property
    def blocks(self) -> tuple[Block, ...]:
        """Every distinct block of the space."""
        return self._block_table.blocks

    def block_ids(self, genes: Genes) -> NDArray[np.intp]:
        """Return the index into :attr:`blocks` of each slot, ``(n, 2 + 2 * max_depth)``; -1 where nothing is computed.

        The slots are the stem, then mixer and channel mixer of each layer, then the head.
        """
        return self._block_table.ids(genes)

    @cached_property
    def _block_table(self) -> BlockTable:
        return BlockTable(self, self._layer_table)
