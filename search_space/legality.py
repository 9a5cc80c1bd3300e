"""What makes a space, or an architecture, legal: causality, grid, divisibility, known names, sane choices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from search_space.architecture import Architecture
from search_space.blocks import Block, layer_blocks
from search_space.errors import SpaceError
from search_space.precision import FLOAT, FLOAT_BYTES, FORMATS

if TYPE_CHECKING:
    from search_space.space import SearchSpace

__all__ = ["check_architecture", "check_space"]


def check_space(space: SearchSpace) -> None:
    """Raise ``SpaceError`` for the first choice that is not legal."""
    for gene in ("embed_dim", "depth", "num_heads"):
        _check_choices(gene, getattr(space, gene), "positive integers", lambda v: isinstance(v, int) and v > 0)
    _check_choices("ratio", space.ratio, "positive numbers", lambda v: v > 0)
    _check_choices("precision", space.precision, f"{FLOAT}, {', '.join(FORMATS)}", lambda v: v == FLOAT or v in FORMATS)
    _check_choices("float_precision", space.float_precision, ", ".join(FLOAT_BYTES), lambda v: v in FLOAT_BYTES)
    _check_choices("mixer", space.mixer, ", ".join(space.catalogue.mixers), lambda v: v in space.catalogue.mixers)
    known = space.catalogue.channel_mixers
    _check_choices("channel_mixer", space.channel_mixer, ", ".join(known), lambda v: v in known)
    if set(space.mixer) | set(space.channel_mixer) == {"identity"}:
        raise SpaceError(
            "mixer", expected="something besides identity", got="identity only", remedy="add a mixer or a channel mixer"
        )
    for width in space.embed_dim:
        for ratio in space.ratio:
            if abs(width * ratio - round(width * ratio)) > 1e-6:
                raise SpaceError(
                    "ratio",
                    expected="ratio * embed_dim to be an integer",
                    got=f"{ratio:g} * {width}",
                    remedy="change either choice",
                )
    _check_options(space)
    _check_blocks(space)


def _check_choices(gene: str, values: Sequence[Any], expected: str, legal: Any) -> None:
    remedy = "correct the space's declaration"
    if not values:
        raise SpaceError(gene, expected=f"at least one of: {expected}", got="no choice", remedy=remedy)
    if len(set(values)) != len(values):
        raise SpaceError(gene, expected="distinct choices", got=str(list(values)), remedy=remedy)
    for value in values:
        if not legal(value):
            raise SpaceError(gene, expected=expected, got=repr(value), remedy=remedy)


def _check_options(space: SearchSpace) -> None:
    task = space.geometry.task
    used = {*space.mixer, *space.channel_mixer, task.stem, task.head}
    for key, options in space.geometry.options.items():
        for table in ("stems", "mixers", "channel_mixers", "heads"):
            specs = getattr(space.catalogue, table)
            if key in specs and key in used:
                unknown = set(options) - set(specs[key].options)
                if unknown:
                    raise SpaceError(
                        f"options.{key}",
                        expected=f"options among {sorted(specs[key].options)}",
                        got=str(sorted(unknown)),
                        remedy="correct the space's declaration",
                    )
                break
        else:
            if not any(key in getattr(space.catalogue, t) for t in ("stems", "mixers", "channel_mixers", "heads")):
                raise SpaceError(
                    "options", expected="keys of known blocks", got=repr(key), remedy="correct the space's declaration"
                )


def _check_blocks(space: SearchSpace) -> None:
    task = space.geometry.task
    for kind, keys in (
        ("stem", (task.stem,)),
        ("mixer", space.mixer),
        ("channel_mixer", space.channel_mixer),
        ("head", (task.head,)),
    ):
        for key in keys:
            spec = space.catalogue.spec(kind, key)  # type: ignore[arg-type]
            if task.causal and not spec.causal:
                raise SpaceError(
                    kind,
                    expected="causal blocks, for the task is causal",
                    got=f"{key}, which sees the future",
                    remedy=f"remove {key} from the space",
                )
            if not task.causal and not spec.bidirectional:
                raise SpaceError(
                    kind,
                    expected="bidirectional blocks, for the task is not causal",
                    got=f"{key}, which exists only in a causal form",
                    remedy=f"remove {key} from the space",
                )
            if spec.needs_grid and task.grid is None:
                raise SpaceError(
                    kind,
                    expected="blocks that need no token grid, for the task has none",
                    got=key,
                    remedy=f"remove {key} from the space",
                )
            for width in space.embed_dim:
                for heads in space.num_heads if spec.has_heads else (0,):
                    for ratio in space.ratio if spec.has_ratio else (0.0,):
                        block = Block(kind=spec.kind, key=key, embed_dim=width, num_heads=heads, ratio=ratio)
                        problem = spec.check(space.geometry.shape(block))
                        if problem:
                            raise SpaceError(
                                f"{kind} {key}",
                                expected="sizes that fit the task",
                                got=problem,
                                remedy=f"change options.{key} or remove {key} from the space",
                            )


def check_architecture(space: SearchSpace, architecture: Architecture) -> None:
    """Raise ``SpaceError`` naming the gene and the reason when the architecture is not in the space."""

    def check(gene: str, value: object, choices: Sequence[object], neutral: object = None) -> None:
        legal = choices if neutral is None else (neutral,)
        if value not in legal:
            reason = "one of " if neutral is None else "the neutral value of an inactive gene, "
            raise SpaceError(
                gene,
                expected=reason + ", ".join(map(str, legal)),
                got=repr(value),
                remedy=f"the architecture is not in space {space.name!r}",
            )

    check("embed_dim", architecture.embed_dim, space.embed_dim)
    check("depth", architecture.depth, space.depth)
    check("float_precision", architecture.float_precision, space.float_precision)
    for i, layer in enumerate(architecture.layers):
        check(f"layer{i}.mixer", layer.mixer, space.mixer)
        check(f"layer{i}.channel_mixer", layer.channel_mixer, space.channel_mixer)
        mixer = space.catalogue.mixers[layer.mixer]
        channel = space.catalogue.channel_mixers[layer.channel_mixer]
        check(f"layer{i}.num_heads", layer.num_heads, space.num_heads, None if mixer.has_heads else 0)
        check(f"layer{i}.ratio", layer.ratio, space.ratio, None if channel.has_ratio else 0.0)
        for gene, spec in (("mixer_precision", mixer), ("channel_precision", channel)):
            check(f"layer{i}.{gene}", getattr(layer, gene), space.precision, None if spec.has_linears else FLOAT)
        sizes = {"embed_dim": architecture.embed_dim, "float_precision": architecture.float_precision}
        if layer_blocks(layer, **sizes) == (None, None):  # type: ignore[arg-type]
            raise SpaceError(
                f"layer{i}",
                expected="a layer that does something",
                got="identity mixer and identity channel mixer",
                remedy="use a smaller depth",
            )
