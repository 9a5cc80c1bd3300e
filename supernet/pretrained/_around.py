"""The space around a checkpoint: its own network as the largest, and ever smaller ones made of its parts.

Widths, heads and hidden channels become shares of the checkpoint's, for they are sorted by importance; depths go down
to a sixth; a sub-block may be left out of a layer. Heads of queries that share keys are left out together, with those
keys. No block is new: every weight of every network begins as the checkpoint's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from fractions import Fraction
from typing import Any

from search_space.architecture import IDENTITY
from search_space.precision import FLOAT, FORMATS
from search_space.spec import BlockSpec
from supernet.pretrained._family import Form

__all__ = ["declaration_around"]

_WIDTHS = (Fraction(1, 2), Fraction(3, 4), Fraction(1))
_HEADS = (Fraction(1, 3), Fraction(2, 3), Fraction(1))
_RATIOS = (Fraction(1, 4), Fraction(1, 2), Fraction(1))
_DEPTHS = (Fraction(1, 6), Fraction(1, 3), Fraction(1, 2), Fraction(2, 3), Fraction(1))
_STEP = 8  # widths are multiples of it, where the checkpoint's is
_PRECISIONS = ("w8a8", "w8", "w4")
_TABLE = "table"


def declaration_around(form: Form, *, name: str, stem: BlockSpec, head: str | None = None) -> dict[str, Any]:
    """Return the declaration of a space, as :func:`search_space.space_from_mapping` takes it.

    Parameters
    ----------
    form
        The checkpoint's network.
    name
        Of the space.
    stem
        What the form's stem declares: one that can keep its table in 8 bits does.
    head
        In place of the form's first one.
    """
    step = _STEP if form.embed_dim % _STEP == 0 else 1
    whole = Fraction(form.hidden_dim, form.embed_dim)
    widths = [w for w in _shares(form.embed_dim, _WIDTHS, step=step) if _is_whole(whole * w)]
    ratios = [r for r in (whole * share for share in _RATIOS) if all(_is_whole(r * w) for w in widths)]
    shared = form.queries_per_key
    heads = _shares(form.num_heads, _HEADS, step=1 if form.kv_heads == 1 else shared)  # whole groups
    options: dict[str, dict[str, Any]] = {block: dict(own) for block, own in form.options.items()}
    if shared > 1:
        options.setdefault(form.mixer, {})["kv_heads"] = sorted({max(1, count // shared) for count in heads})
    head = head or form.heads[0]
    options |= {head: dict(form.head_options[head])} if head in form.head_options else {}
    if _TABLE in stem.options:
        options.setdefault(form.stem, {})[_TABLE] = "int8"
    return {
        "name": name,
        "stem": form.stem,
        "head": head,
        "norm": asdict(form.norm),
        "embed_dim": widths,
        "depth": _shares(form.depth, _DEPTHS),
        "head_dim": form.head_dim,
        "mixer": [form.mixer, IDENTITY],
        "num_heads": heads,
        "channel_mixer": [form.channel_mixer, IDENTITY],
        "ratio": [float(r) for r in ratios],
        "precision": [FLOAT, *(p for p in _PRECISIONS if p in FORMATS)],
        "largest": [form.mixer, form.channel_mixer],
        "options": options,
    }


def _shares(whole: int, shares: Sequence[Fraction], *, step: int = 1) -> list[int]:
    """Return shares of a size, rounded to multiples of a step, each once, in rising order."""
    return sorted({max(step, step * round(whole * share / step)) for share in shares})


def _is_whole(value: Fraction) -> bool:
    return value.denominator == 1
