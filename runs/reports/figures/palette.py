"""The colours of a report: few, light-background, distinct to the colour-blind, the same in every report.

The first mixers have the colours of Okabe and Ito 2008 (Color Universal Design); every other mixer takes one of Tol's
muted scheme by its name. A mixer is never told by colour alone: its code of one or two letters stands beside.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from search_space.precision import FLOAT

__all__ = [
    "ACCENT",
    "DIM",
    "FAINT",
    "GRID",
    "INK",
    "MUTED",
    "WARN",
    "channel_colours",
    "hatch",
    "mixer_codes",
    "mixer_colours",
    "run_colours",
    "text_on",
]

INK, MUTED, DIM, FAINT, GRID = "#1b2430", "#5d6b7a", "#9aa6b2", "#b4bdc7", "#e6eaee"
ACCENT, WARN = "#0a5a9c", "#c2410c"

_FIXED = {
    "softmax": "#0072b2",
    "linear": "#e69f00",
    "sliding_window": "#56b4e9",
    "window": "#cc79a7",
    "retention": "#d55e00",
    "pooling": "#e8d44d",
    "depthwise_conv": "#009e73",
    "identity": "#ffffff",
}
_POOL = ("#332288", "#882255", "#999933", "#44aa99", "#cc6677", "#aa4499", "#117733", "#ddcc77", "#88ccee", "#6b4c2a")
_GREYS = {"mlp": "#aab3bd", "gated_mlp": "#66727f", "identity": "#ffffff"}
_GREY_POOL = ("#c9c2b8", "#8d8577", "#7c8f8a", "#c3cfcb", "#4a5560")
_HATCHES = {
    "w8a8": "/",
    "w8a8_2of4": "|",
    "w8a8s": "//",
    "w8a8g32": "-",
    "w8": ".",
    "w4a8": "\\",
    "w4a8c": "+",
    "w4": "x",
}


def mixer_colours(mixers: Iterable[str]) -> dict[str, str]:
    """Return a colour for each mixer; two share one only when there are more than ten beside the fixed ones."""
    return _colours(mixers, _FIXED, _POOL)


def channel_colours(channel_mixers: Iterable[str]) -> dict[str, str]:
    """Return a quiet grey for each channel mixer, so that the token mixers stand out."""
    return _colours(channel_mixers, _GREYS, _GREY_POOL)


def _colours(names: Iterable[str], fixed: Mapping[str, str], pool: Sequence[str]) -> dict[str, str]:
    out: dict[str, str] = {}
    for name in sorted(set(names)):
        start = int(hashlib.sha256(name.encode()).hexdigest(), 16) % len(pool)
        turns = (pool[(start + i) % len(pool)] for i in range(len(pool)))
        free = next((c for c in turns if c not in out.values()), pool[start])
        out[name] = fixed.get(name, free)
    return out


def mixer_codes(mixers: Iterable[str]) -> dict[str, str]:
    """Return a short code for each mixer, unique among those given: ``softmax`` So, ``sliding_window`` SW."""
    out: dict[str, str] = {}
    for name in sorted(set(mixers)):
        words = [w for w in name.split("_") if w]
        initials = "".join(w[0].upper() for w in words[:3])
        options = [initials] if len(words) > 1 else []
        options += [name[0].upper() + name[i] for i in range(1, len(name))]
        options += [f"{initials}{i}" for i in range(2, 2 + len(out) + 1)]
        out[name] = next(code for code in options if code not in out.values())
    return out


def run_colours(count: int) -> list[str]:
    """Return a colour for each of several runs: Okabe and Ito's, then Tol's."""
    pool = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", *_POOL)
    return [pool[i % len(pool)] for i in range(count)]


def hatch(precision: str) -> str:
    """Return the hatch of a sub-block's precision (matplotlib's letters), nothing for float."""
    return "" if precision == FLOAT else _HATCHES[precision]


def text_on(colour: str) -> str:
    """Return black or white, whichever reads better on the colour (WCAG luminance)."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
    return INK if luminance > 0.2 else "#ffffff"
