"""A space from a mapping, such as a YAML file gives: every key known, every value checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from search_space.blocks import Geometry
from search_space.errors import SpaceError
from search_space.space import SearchSpace
from search_space.spec import Catalogue, TaskShape

__all__ = ["space_from_mapping"]

_CHOICES = ("embed_dim", "depth", "mixer", "num_heads", "channel_mixer", "ratio", "precision", "float_precision")
_DEFAULTS: dict[str, Any] = {"precision": ["float"], "float_precision": ["fp32"], "options": {}}


def space_from_mapping(declaration: Mapping[str, Any], *, task: TaskShape, catalogue: Catalogue) -> SearchSpace:
    """Build the space that ``declaration`` describes for a task.

    The keys are ``name``, ``head_dim``, ``options`` (constants by block) and a list of choices for each of
    ``embed_dim, depth, mixer, num_heads, channel_mixer, ratio, precision, float_precision``.
    """
    data = {**_DEFAULTS, **declaration}
    known = {"name", "head_dim", "options", *_CHOICES}
    for key in data:
        if key not in known:
            raise SpaceError(
                f"space.{key}",
                expected=f"one of {', '.join(sorted(known))}",
                got=repr(key),
                remedy="remove or correct it",
            )
    for key in sorted(known):
        if key not in data:
            raise SpaceError(f"space.{key}", expected="a value", got="nothing", remedy="add it to the space")
    for key in _CHOICES:
        if isinstance(data[key], str) or not isinstance(data[key], Sequence):
            raise SpaceError(
                f"space.{key}", expected="a list of choices", got=repr(data[key]), remedy="write it as a list"
            )
    head_dim = data["head_dim"]
    if not isinstance(head_dim, int) or head_dim < 1:
        raise SpaceError("space.head_dim", expected="a positive integer", got=repr(head_dim), remedy="correct it")
    options = {str(k): dict(v) for k, v in data["options"].items()}
    choices = {key: tuple(data[key]) for key in _CHOICES}
    choices["ratio"] = tuple(float(r) if isinstance(r, int | float) else r for r in choices["ratio"])
    return SearchSpace(
        name=str(data["name"]),
        geometry=Geometry(task=task, head_dim=head_dim, options=options),
        catalogue=catalogue,
        **choices,
    )
