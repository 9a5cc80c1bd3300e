"""The variants of a block: one for each way to choose the options that a space searches, as numbers and as genes.

A space whose options are constants has one variant of each block, and its number is that of the block.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from search_space.blocks import Block
from search_space.options import Options, Scalar, as_options
from search_space.space.choices import LAYER_GENES, Choices, OptionGene
from search_space.spec import BlockSpec

__all__ = ["MOST_VARIANTS", "Fit", "Variants", "canonical_fits", "fits", "sizes_of"]

MOST_VARIANTS = 256
"""Of one block: a layer of a supernet has a module for each."""
Size = int | float


@dataclass(frozen=True, kw_only=True, slots=True)
class Fit:
    """One variant of a block at one size.

    Parameters
    ----------
    place
        Which choice of each option it has.
    options
        The options that are searched.
    problem
        Why it does not exist at a width of the space, or ``None``.
    settled
        What the block makes of the options at each width: equal for variants that compute the same.
    """

    place: tuple[int, ...]
    options: Options
    problem: str | None
    settled: tuple[Options, ...]


def sizes_of(space: Choices, spec: BlockSpec) -> Sequence[Size]:
    """Return the numbers of heads, or the ratios, that a mixer or channel mixer is built at."""
    if spec.kind == "mixer":
        return space.num_heads if spec.has_heads else (0,)
    return space.ratio if spec.has_ratio else (0.0,)


def fits(space: Choices, spec: BlockSpec, size: Size) -> list[Fit]:
    """Return all variants of a block at one number of heads or ratio, in the order of their numbers."""
    genes = [gene for gene in space.option_genes if (gene.kind, gene.key) == (spec.kind, spec.key)]
    sized: dict[str, Any] = {"num_heads" if spec.kind == "mixer" else "ratio": size}
    found = []
    for place in itertools.product(*(range(len(gene.values)) for gene in genes)):
        options = as_options((gene.name, gene.values[i]) for gene, i in zip(genes, place, strict=True))
        blocks = (Block(kind=spec.kind, key=spec.key, embed_dim=w, options=options, **sized) for w in space.embed_dim)
        shapes = [space.geometry.shape(block) for block in blocks]
        problem = next(filter(None, map(spec.check, shapes)), None)
        settled = () if problem else tuple(as_options({**dict(options), **spec.settled(shape)}) for shape in shapes)
        found.append(Fit(place=place, options=options, problem=problem, settled=settled))
    return found


def canonical_fits(found: Sequence[Fit]) -> list[Fit]:
    """Return what stands for each of all variants of a block at one size.

    Of variants that compute the same it is the first, and for one that does not exist the nearest that does.
    """
    legal = [fit for fit in found if fit.problem is None]
    first: dict[tuple[Options, ...], Fit] = {}
    for fit in legal:
        first.setdefault(fit.settled, fit)

    def nearest(fit: Fit) -> Fit:
        return min(legal, key=lambda other: sum(abs(a - b) for a, b in zip(fit.place, other.place, strict=True)))

    return [first[(fit if fit.problem is None else nearest(fit)).settled] for fit in found]


class Variants:
    """The variants of all mixers, or of all channel mixers, of a space.

    The genes of options have a column each; of a layer, those of another block than its own are 0. ``columns`` are
    theirs among the genes of a layer.
    """

    def __init__(self, space: Choices, kind: Literal["mixer", "channel_mixer"]) -> None:
        self._keys: tuple[str, ...] = getattr(space, kind)
        places = [place for place, gene in enumerate(space.option_genes) if gene.kind == kind]
        first = len(LAYER_GENES) + (places[0] if places else 0)
        self.columns = slice(first, first + len(places))
        self._genes: tuple[OptionGene, ...] = tuple(space.option_genes[place] for place in places)
        self._mine = np.array([[gene.key == key for gene in self._genes] for key in self._keys], np.int16)
        self._mine = self._mine.reshape(len(self._keys), len(self._genes))
        counts = [int(np.prod([len(g.values) for g in self._genes if g.key == key])) for key in self._keys]
        self._first = np.cumsum([0, *counts])[:-1]
        self._strides = np.array(
            [
                np.prod([len(g.values) for g in self._genes[i + 1 :] if g.key == gene.key], dtype=int)
                for i, gene in enumerate(self._genes)
            ],
            np.intp,
        )
        self.count = sum(counts)
        """Number of variants of all blocks."""
        self.block = np.repeat(np.arange(len(self._keys)), counts)
        """``(count,)``: the block of each variant."""
        self._sized = len(space.num_heads if kind == "mixer" else space.ratio)
        self._sizes = {key: sizes_of(space, space.catalogue.spec(kind, key)) for key in self._keys}
        self._canonical = self._standing_for(space, kind)

    def _standing_for(self, space: Choices, kind: Literal["mixer", "channel_mixer"]) -> NDArray[np.int16]:
        """Return ``(sizes, count, columns)``: the genes of what stands for each variant at each size."""
        out = np.zeros((self._sized, self.count, len(self._genes)), np.int16)
        for block, key in enumerate(self._keys):
            mine = np.flatnonzero(self._mine[block])
            if not len(mine):
                continue
            spec, sizes = space.catalogue.spec(kind, key), self._sizes[key]
            for size in range(self._sized):
                found = fits(space, spec, sizes[min(size, len(sizes) - 1)])
                for number, fit in enumerate(canonical_fits(found)):
                    out[size, self._first[block] + number, mine] = fit.place
        return out

    def numbers(self, blocks: NDArray[Any], genes: NDArray[Any]) -> NDArray[np.intp]:
        """Return the variant of each layer, of its block ``(...)`` and its canonical genes ``(..., columns)``."""
        if not self._genes:
            return blocks
        numbers: NDArray[np.intp] = self._first[blocks] + genes @ self._strides
        return numbers

    def neutralise(self, blocks: NDArray[Any], sizes: NDArray[Any], genes: NDArray[Any]) -> None:
        """Bring genes ``(..., columns)`` of layers to their canonical form in place, given block and size ``(...)``."""
        if self._genes:
            genes *= self._mine[blocks]
            genes[...] = self._canonical[sizes, self.numbers(blocks, genes)]

    def genes_of(self, key: str, options: Options, size: int) -> list[int]:
        """Return the canonical genes of a block with options, those that are absent at their first choice.

        ``size`` is the index of the number of heads or the ratio. Raises ``ValueError`` for an option or a value that
        is not searched.
        """
        given, block = dict(options), self._keys.index(key)
        genes = np.zeros(len(self._genes), np.int16)
        for column, gene in enumerate(self._genes):
            if gene.key == key and gene.name in given:
                genes[column] = gene.index(given.pop(gene.name))
        if given:
            raise ValueError(f"no options that are searched: {', '.join(given)}")
        self.neutralise(np.array(block), np.array(size), genes)
        return genes.tolist()

    def canonical_options(self, key: str, options: Options, size: Size) -> Options:
        """Return the options that stand for those of a block at a number of heads or ratio.

        Raises ``ValueError`` as :meth:`genes_of` does, and for a size that is not the space's where options matter.
        """
        place = self._sizes[key].index(size) if any(gene.key == key for gene in self._genes) else 0
        return self.options_of(self._keys.index(key), self.genes_of(key, options, place))

    def options_of(self, block: int, genes: Sequence[int]) -> Options:
        """Return the options that genes ``(columns,)`` of a layer stand for."""
        key, values = self._keys[block], zip(self._genes, genes, strict=True)
        return as_options((gene.name, gene.values[i]) for gene, i in values if gene.key == key)

    def of(self, key: str) -> list[Options]:
        """Return the options of each variant of a block."""
        genes = [gene for gene in self._genes if gene.key == key]
        chosen: Iterator[tuple[Scalar, ...]] = itertools.product(*(gene.values for gene in genes))
        return [as_options(zip((gene.name for gene in genes), values, strict=True)) for values in chosen]

    def at(self, key: str, size: int) -> list[Options]:
        """Return the options of each different variant of a block at the index of a number of heads or ratio."""
        block = self._keys.index(key)
        mine = self._canonical[size, self.block == block].tolist()
        return list(dict.fromkeys(self.options_of(block, genes) for genes in mine))

    def canonical_genes(self, number: int, size: int) -> NDArray[np.int16]:
        """Return the genes ``(columns,)`` of what stands for a variant at the index of a number of heads or ratio."""
        genes: NDArray[np.int16] = self._canonical[size, number]
        return genes
