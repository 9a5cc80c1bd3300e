"""The per-layer picture of networks: one row a network, one pair of boxes a layer, input on the left.

A box says three things: what it is (colour and code), how wide it is (height: heads of a mixer, ratio of a channel
mixer, both against the largest in the picture) and how precise it is (hatch, with the name in the legend). The layout
is made once and drawn twice: as SVG for the page and with matplotlib for the PNG.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runs.reports.answer import quality_text
from runs.reports.data import ReportData, ReportedNetwork
from runs.reports.figures.palette import channel_colours, mixer_codes, mixer_colours
from runs.reports.summary import value_text
from search_space.architecture import IDENTITY
from search_space.options import Options
from search_space.precision import FLOAT, FORMATS

__all__ = ["Box", "Picture", "Row", "picture"]

BOX, GAP, PAIR_GAP, HEIGHT, ROW, LEFT, PAD = 30.0, 2.0, 9.0, 40.0, 56.0, 236.0, 14.0
LOWEST = 0.3
TIMES = "\u00d7"


@dataclass(frozen=True, kw_only=True, slots=True)
class Box:
    """One block: its place in points of the picture, its look and what it says when pointed at."""

    x: float
    y: float
    width: float
    height: float
    colour: str
    precision: str
    code: str
    title: str
    empty: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One network: where its axis lies, what stands before it, and its boxes."""

    base: float
    end: float
    title: str
    subtitle: str
    boxes: tuple[Box, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """Rows and legend entries: mixers as (name, code, colour), channel mixers too, precisions by name."""

    width: float
    height: float
    rows: tuple[Row, ...]
    mixers: tuple[tuple[str, str, str], ...]
    channel_mixers: tuple[tuple[str, str, str], ...]
    precisions: tuple[str, ...]

    @property
    def remark(self) -> str:
        """Return what a sparse precision gains, where there is one."""
        sparse = [p for p in self.precisions if p in FORMATS and FORMATS[p].sparse]
        return f"{sparse[0]}: two of each four weights, for a smaller file; it is no faster." if sparse else ""


def picture(data: ReportData, networks: Sequence[ReportedNetwork]) -> Picture:
    """Lay out the layers of networks, a row each in the given order."""
    layers = [layer for n in networks for layer in n.architecture.layers]
    names = sorted({layer.mixer for layer in layers})
    channels = sorted({layer.channel_mixer for layer in layers} - {IDENTITY})
    colours, codes = mixer_colours(names), mixer_codes(names)
    greys, channel_codes = channel_colours([*channels, IDENTITY]), mixer_codes(channels)
    most_heads = max((layer.num_heads for layer in layers), default=0) or 1
    most_ratio = max((layer.ratio for layer in layers), default=0.0) or 1.0
    labels = data.labels
    rows = []
    for i, n in enumerate(networks):
        base = PAD + i * ROW + HEIGHT
        boxes, x = [], LEFT
        for at, layer in enumerate(n.architecture.layers, start=1):
            head = _height(layer.num_heads / most_heads) if layer.num_heads else _height(0.5)
            idle = layer.skips_mixer
            size = f", {layer.num_heads} heads" if layer.num_heads else ""
            size += _options(layer.mixer_options)
            boxes.append(
                Box(
                    x=x,
                    y=base - (HEIGHT * LOWEST if idle else head),
                    width=BOX,
                    height=HEIGHT * LOWEST if idle else head,
                    colour=colours[layer.mixer],
                    precision=layer.mixer_precision,
                    code="" if idle else codes[layer.mixer],
                    title=f"layer {at}: {layer.mixer}{size}, {_precision(n, layer.mixer_precision)}",
                    empty=idle,
                )
            )
            idle = layer.skips_channel_mixer
            tall = HEIGHT * LOWEST if idle else _height(layer.ratio / most_ratio) if layer.ratio else _height(0.5)
            size = f", ratio {layer.ratio:g}" if layer.ratio else ""
            size += _options(layer.channel_options)
            boxes.append(
                Box(
                    x=x + BOX + GAP,
                    y=base - tall,
                    width=BOX,
                    height=tall,
                    colour=greys[layer.channel_mixer],
                    precision=layer.channel_precision,
                    code=""
                    if idle
                    else f"{TIMES}{layer.ratio:g}"
                    if layer.ratio
                    else channel_codes[layer.channel_mixer],
                    title=f"layer {at}: {layer.channel_mixer}{size}, {_precision(n, layer.channel_precision)}",
                    empty=idle,
                )
            )
            x += 2 * BOX + GAP + PAIR_GAP
        cost = data.costs[0]
        title = n.key if n.key not in labels else f"{n.key}  {labels[n.key]}"
        quality = quality_text(data, n).removesuffix(" error")
        subtitle = (
            f"{quality} · {value_text(data, cost.name, n.objectives[cost.name])} · dim {n.architecture.embed_dim}"
        )
        rows.append(Row(base=base, end=x - PAIR_GAP, title=title, subtitle=subtitle, boxes=tuple(boxes)))
    used = {p for layer in layers for p in (layer.mixer_precision, layer.channel_precision)}
    return Picture(
        width=max((r.end for r in rows), default=LEFT) + PAD,
        height=2 * PAD + len(rows) * ROW - (ROW - HEIGHT) + 6,
        rows=tuple(rows),
        mixers=tuple((name, codes[name], colours[name]) for name in names if name != IDENTITY),
        channel_mixers=tuple((name, channel_codes[name], greys[name]) for name in channels),
        precisions=tuple(sorted(used, key=lambda p: (p != FLOAT, p))),
    )


def _options(options: Options) -> str:
    return "".join(f", {name} {value}" for name, value in options)


def _height(share: float) -> float:
    return HEIGHT * (LOWEST + (1 - LOWEST) * share)


def _precision(network: ReportedNetwork, precision: str) -> str:
    return network.architecture.float_precision if precision == FLOAT else precision
