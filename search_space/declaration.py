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
    ``embed_dim, depth, mixer, num_heads, channel_mixer, ratio, precision, float_precision``. Raises ``SpaceError`` for
    a key that is unknown or missing and for a value that is not legal.
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
        if isinstance(data[key], str | bytes) or not isinstance(data[key], Sequence):
            raise SpaceError(
                f"space.{key}", expected="a list of choices", got=repr(data[key]), remedy="write it as a list"
            )
    return SearchSpace(
        name=str(data["name"]),
        geometry=Geometry(task=task, head_dim=data["head_dim"], options=data["options"]),
        catalogue=catalogue,
        **{key: tuple(data[key]) for key in _CHOICES},
    )
