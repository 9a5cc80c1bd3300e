"""A space from a mapping, such as a YAML file gives, every key known and every value checked; and the mapping again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from typing import Any

from search_space.blocks import Geometry
from search_space.errors import SpaceError
from search_space.norm import Norm
from search_space.space import SearchSpace
from search_space.spec import Catalogue, TaskShape

__all__ = ["declaration_of", "space_from_mapping"]

_CHOICES = ("embed_dim", "depth", "mixer", "num_heads", "channel_mixer", "ratio", "precision", "float_precision")
_DEFAULTS: dict[str, Any] = {"precision": ["float"], "float_precision": ["fp32"], "options": {}}
_ENDS = ("stem", "head")
_OPTIONAL = (*_ENDS, "norm", "largest")


def space_from_mapping(declaration: Mapping[str, Any], *, task: TaskShape, catalogue: Catalogue) -> SearchSpace:
    """Build the space that ``declaration`` describes for a task.

    The keys are ``name``, ``head_dim``, ``options`` (by block: constants, and lists that are searched) and a list of
    choices for each of ``embed_dim, depth, mixer, num_heads, channel_mixer, ratio, precision, float_precision``; and,
    where they are not the usual, ``norm`` (keys ``kind``, ``eps``, ``position``), ``stem`` and ``head`` in place of the
    task's, and ``largest``, the mixer and the channel mixer of the largest network. Raises ``SpaceError`` for a key
    that is unknown or missing and for a value that is not legal.
    """
    data = {**_DEFAULTS, **declaration}
    required = {"name", "head_dim", "options", *_CHOICES}
    known = {*required, *_OPTIONAL}
    for key in data:
        if key not in known:
            raise SpaceError(
                f"space.{key}",
                expected=f"one of {', '.join(sorted(known))}",
                got=repr(key),
                remedy="remove or correct it",
            )
    for key in sorted(required):
        if key not in data:
            raise SpaceError(f"space.{key}", expected="a value", got="nothing", remedy="add it to the space")
    for key in _CHOICES:
        if isinstance(data[key], str | bytes) or not isinstance(data[key], Sequence):
            raise SpaceError(
                f"space.{key}", expected="a list of choices", got=repr(data[key]), remedy="write it as a list"
            )
    for key in ("name", *_ENDS):
        if not isinstance(data.get(key) or "", str):
            raise SpaceError(f"space.{key}", expected="a name", got=repr(data[key]), remedy="correct it")
    largest = data.get("largest")
    if largest is not None and (isinstance(largest, str) or not isinstance(largest, Sequence)):
        raise SpaceError(
            "space.largest", expected="a mixer and a channel mixer", got=repr(largest), remedy="write them as a list"
        )
    return SearchSpace(
        name=str(data["name"]),
        geometry=Geometry(
            task=_with_ends(task, data, catalogue),
            head_dim=data["head_dim"],
            options=data["options"],
            norm=_norm(data.get("norm") or {}),
        ),
        catalogue=catalogue,
        largest_blocks=None if largest is None else tuple(largest),
        **{key: tuple(data[key]) for key in _CHOICES},
    )


def declaration_of(space: SearchSpace) -> dict[str, Any]:
    """Return the mapping from which :func:`space_from_mapping` makes the same space again for its task."""
    geometry = space.geometry
    declared: dict[str, Any] = {
        "name": space.name,
        "head_dim": geometry.head_dim,
        "options": {key: dict(own) for key, own in geometry.options.items()},
        "stem": geometry.task.stem,
        "head": geometry.task.head,
        "norm": asdict(geometry.norm),
        **{key: list(getattr(space, key)) for key in _CHOICES},
    }
    return declared if space.largest_blocks is None else declared | {"largest": list(space.largest_blocks)}


def _with_ends(task: TaskShape, data: Mapping[str, Any], catalogue: Catalogue) -> TaskShape:
    """Return the task's shape with the stem and the head that the space has in place of the task's."""
    stem, head = data.get("stem") or task.stem, data.get("head") or task.head
    extra = catalogue.spec("stem", stem).extra_tokens if stem != task.stem else 0
    if extra:
        task = replace(task, seq_len=task.seq_len + extra, grid=None)
    return replace(task, stem=stem, head=head)


def _norm(data: Any) -> Norm:
    known = [f.name for f in fields(Norm)]
    if not isinstance(data, Mapping) or not set(data) <= set(known):
        raise SpaceError(
            "space.norm", expected=f"a mapping with keys among {', '.join(known)}", got=repr(data), remedy="correct it"
        )
    return Norm(**data)
