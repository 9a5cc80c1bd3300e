"""The corners of a space and its size: what a search starts from and what a user wants to know first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeVar

from search_space.architecture import IDENTITY, Architecture, Layer
from search_space.blocks import Block, layer_blocks
from search_space.options import Options, as_options
from search_space.precision import FLOAT_BYTES, FORMATS
from search_space.space.choices import Choices
from search_space.space.layer_table import LayerTable
from search_space.space.variants import Variants, sizes_of
from search_space.spec import BlockSpec, Kind

__all__ = ["extreme", "extreme_options", "log10_size", "middle"]

T = TypeVar("T", int, float)


def extreme(space: Choices, layers: LayerTable, sign: int) -> Architecture:
    """Return the network with the most (``sign`` 1) or fewest (-1) parameters; FLOPs, then order, break ties.

    The largest consists of the space's ``largest_blocks``, where it has them.
    """
    pick = max if sign > 0 else min
    width, heads, ratio = pick(space.embed_dim), pick(space.num_heads), pick(space.ratio)

    def weight(layer: Layer) -> tuple[int, int]:
        blocks = layer_blocks(layer, embed_dim=width, float_precision="fp32")
        costs = [space.cost(b) for b in blocks if b is not None]
        return sign * sum(c.params for c in costs), sign * sum(c.flops for c in costs)

    pairs = [(m, c) for m in space.mixer for c in space.channel_mixer if (m, c) != (IDENTITY, IDENTITY)]
    if sign > 0 and space.largest_blocks is not None:
        pairs = [space.largest_blocks]
    mixers = {key: extreme_options(space, layers, "mixer", key, sign) for key in space.mixer}
    channels = {key: extreme_options(space, layers, "channel_mixer", key, sign) for key in space.channel_mixer}
    precision = _precision(space, sign)
    candidates = (
        _layer(layers, m, heads, c, ratio, precision, mixer_options=mixers[m], channel_options=channels[c])
        for m, c in pairs
    )
    layer = max(candidates, key=weight)
    return Architecture(
        embed_dim=width, float_precision=_float_precision(space, sign), layers=(layer,) * pick(space.depth)
    )


def extreme_options(space: Choices, layers: LayerTable, kind: Kind, key: str, sign: int) -> Options:
    """Return the searched options with which a block is largest (``sign`` 1) or smallest, as :func:`extreme` is."""
    pick, spec = max if sign > 0 else min, space.catalogue.spec(kind, key)
    heads, ratio = pick(space.num_heads), pick(space.ratio)
    sizes: dict[str, Any] = {"embed_dim": pick(space.embed_dim)}
    if kind == "mixer":
        found = layers.mixers.at(key, space.num_heads.index(heads))
        sizes["num_heads"] = heads if spec.has_heads else 0
    else:
        found = layers.channels.at(key, space.ratio.index(ratio))
        sizes["ratio"] = ratio if spec.has_ratio else 0.0

    def weight(options: Options) -> tuple[int, int]:
        cost = space.cost(Block(kind=kind, key=key, options=options, **sizes))
        return sign * cost.params, sign * cost.flops

    return max(found, key=weight)


def middle(space: Choices, layers: LayerTable) -> Architecture:
    """Return the middle choice of every ordered dimension with the first mixer and channel mixer, in float."""

    def mid(values: Sequence[T]) -> T:
        return sorted(values)[(len(values) - 1) // 2]

    mixer = next(m for m in space.mixer if m != IDENTITY or len(space.mixer) == 1)
    channel = next(c for c in space.channel_mixer if c != IDENTITY or len(space.channel_mixer) == 1)
    chosen = {
        kind: as_options((g.name, g.middle) for g in space.option_genes if (g.kind, g.key) == (kind, key))
        for kind, key in (("mixer", mixer), ("channel_mixer", channel))
    }
    layer = _layer(
        layers,
        mixer,
        mid(space.num_heads),
        channel,
        mid(space.ratio),
        _precision(space, 1),
        mixer_options=chosen["mixer"],
        channel_options=chosen["channel_mixer"],
    )
    return Architecture(
        embed_dim=mid(space.embed_dim), float_precision=_float_precision(space, 1), layers=(layer,) * mid(space.depth)
    )


def log10_size(space: Choices, layers: LayerTable) -> float:
    """Return the decimal logarithm of the exact number of distinct networks."""
    mixers = [space.catalogue.mixers[key] for key in space.mixer]
    channels = [space.catalogue.channel_mixers[key] for key in space.channel_mixer]

    def ways_of(spec: BlockSpec, variants: Variants) -> int:
        forms = sum(len(variants.at(spec.key, size)) for size in range(len(sizes_of(space, spec))))
        return forms * (len(space.precision) if spec.has_linears else 1)

    ways = sum(ways_of(spec, layers.mixers) for spec in mixers)
    ways *= sum(ways_of(spec, layers.channels) for spec in channels)
    ways -= IDENTITY in space.mixer and IDENTITY in space.channel_mixer
    return math.log10(len(space.embed_dim) * len(space.float_precision) * sum(ways**depth for depth in space.depth))


def _layer(
    layers: LayerTable,
    mixer: str,
    heads: int,
    channel: str,
    ratio: float,
    precision: str,
    *,
    mixer_options: Options,
    channel_options: Options,
) -> Layer:
    layer = Layer(
        mixer=mixer,
        num_heads=heads,
        channel_mixer=channel,
        ratio=ratio,
        mixer_precision=precision,
        channel_precision=precision,
        mixer_options=mixer_options,
        channel_options=channel_options,
    )
    return layers.canonical_layer(layer)


def _precision(space: Choices, sign: int) -> str:
    return max(space.precision, key=lambda p: sign * (FORMATS[p].stored_bits if p in FORMATS else 32))


def _float_precision(space: Choices, sign: int) -> str:
    return max(space.float_precision, key=lambda p: sign * FLOAT_BYTES[p])
