"""What makes a space, or an architecture, legal: causality, grid, divisibility, known names, sane choices."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from search_space.architecture import IDENTITY, Architecture
from search_space.blocks import layer_blocks
from search_space.errors import SpaceError
from search_space.options import Options, options_text
from search_space.precision import FLOAT, FLOAT_BYTES, FORMATS
from search_space.space.choices import Choices
from search_space.space.variants import MOST_VARIANTS, canonical_fits, fits, sizes_of
from search_space.spec import BlockSpec

__all__ = ["check_architecture", "check_space"]

_MAX_SIZE = 2**31 - 1


def check_space(space: Choices) -> None:
    """Raise ``SpaceError`` for the first choice that is not legal."""
    if not _is_size(space.geometry.head_dim):
        raise SpaceError(
            "head_dim", expected="a positive integer", got=repr(space.geometry.head_dim), remedy="correct it"
        )
    for gene in ("embed_dim", "depth", "num_heads"):
        _check_choices(gene, getattr(space, gene), "positive integers", _is_size)
    _check_choices("ratio", space.ratio, "positive numbers", _is_ratio)
    known_keys: dict[str, Sequence[str]] = {
        "precision": (FLOAT, *FORMATS),
        "float_precision": tuple(FLOAT_BYTES),
        "mixer": tuple(space.catalogue.mixers),
        "channel_mixer": tuple(space.catalogue.channel_mixers),
    }
    for gene, known in known_keys.items():
        _check_choices(gene, getattr(space, gene), ", ".join(known), known.__contains__)
    if set(space.mixer) | set(space.channel_mixer) == {IDENTITY}:
        raise SpaceError(
            "mixer", expected="something besides identity", got="identity only", remedy="add a mixer or a channel mixer"
        )
    if space.largest_blocks is not None:
        legal = [(m, c) for m in space.mixer for c in space.channel_mixer if {m, c} != {IDENTITY}]
        if space.largest_blocks not in legal:
            raise SpaceError(
                "largest",
                expected="a mixer and a channel mixer of the space, not both identity",
                got=str(list(space.largest_blocks)),
                remedy="correct the space's declaration",
            )
    for width in space.embed_dim:
        for ratio in space.ratio:
            hidden = width * ratio
            if not math.isfinite(hidden) or round(hidden) < 1 or abs(hidden - round(hidden)) > 1e-6:
                raise SpaceError(
                    "ratio",
                    expected="ratio * embed_dim to be a positive integer",
                    got=f"{ratio:g} * {width}",
                    remedy="change either choice",
                )
    _check_options(space)
    _check_blocks(space)


def _is_size(value: object) -> bool:
    return type(value) is int and 0 < value <= _MAX_SIZE


def _is_ratio(value: object) -> bool:
    return type(value) in (int, float) and 0 < value <= _MAX_SIZE  # type: ignore[operator]


def _check_choices(gene: str, values: Sequence[Any], expected: str, legal: Callable[[Any], bool]) -> None:
    remedy = "correct the space's declaration"
    if not values:
        raise SpaceError(gene, expected=f"at least one of: {expected}", got="no choice", remedy=remedy)
    for value in values:
        if not legal(value):
            raise SpaceError(gene, expected=expected, got=repr(value), remedy=remedy)
    if len(set(values)) != len(values):
        raise SpaceError(gene, expected="distinct choices", got=str(list(values)), remedy=remedy)


def _check_options(space: Choices) -> None:
    remedy = "correct the space's declaration"
    catalogue, options = space.catalogue, space.geometry.options
    if not isinstance(options, Mapping):
        raise SpaceError("options", expected="constants by block", got=repr(options), remedy=remedy)
    tables = (catalogue.stems, catalogue.mixers, catalogue.channel_mixers, catalogue.heads)
    for key, constants in options.items():
        specs = [table[key] for table in tables if key in table]
        if not specs:
            raise SpaceError("options", expected="keys of known blocks", got=repr(key), remedy=remedy)
        known = sorted({name for spec in specs for name in spec.options})
        if not isinstance(constants, Mapping):
            raise SpaceError(
                f"options.{key}", expected=f"a mapping with keys among {known}", got=repr(constants), remedy=remedy
            )
        for name, value in constants.items():
            if name not in known:
                raise SpaceError(f"options.{key}", expected=f"options among {known}", got=repr(name), remedy=remedy)
            where, choices = f"options.{key}.{name}", value if isinstance(value, tuple) else (value,)
            if not choices or any(type(choice) not in (int, float, str, bool) for choice in choices):
                raise SpaceError(
                    where,
                    expected="a number, a text or a truth value, or a list of them that is not empty",
                    got=repr(list(value) if isinstance(value, tuple) else value),
                    remedy=remedy,
                )
            if len(set(choices)) != len(choices):
                raise SpaceError(where, expected="distinct choices", got=str(list(choices)), remedy=remedy)
            if len(choices) > 1 and any(spec.kind in ("stem", "head") for spec in specs):
                raise SpaceError(
                    where,
                    expected="one value, for all networks of a space have the same stem and the same head",
                    got=str(list(choices)),
                    remedy="choose one of them",
                )


def _check_blocks(space: Choices) -> None:
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
            problem = _problem(space, spec)
            if problem:
                raise SpaceError(
                    f"{kind} {key}",
                    expected="sizes that fit the task",
                    got=problem,
                    remedy=f"change options.{key} or remove {key} from the space",
                )


def _problem(space: Choices, spec: BlockSpec) -> str | None:
    """Return why a block does not exist at some size of the space, or with a value that is searched at none."""
    genes = [gene for gene in space.option_genes if (gene.kind, gene.key) == (spec.kind, spec.key)]
    if (variants := math.prod(len(gene.values) for gene in genes)) > MOST_VARIANTS:
        return f"{variants} ways to choose its options together, where {MOST_VARIANTS} are the most"
    at_sizes = [fits(space, spec, size) for size in sizes_of(space, spec)]
    for found in at_sizes:
        if all(fit.problem for fit in found):
            return found[0].problem
    for column, gene in enumerate(genes):
        for choice in range(len(gene.values)):
            those = [fit for found in at_sizes for fit in found if fit.place[column] == choice]
            if all(fit.problem for fit in those):
                return those[0].problem
    return None


def check_architecture(space: Choices, architecture: Architecture) -> None:
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
        for gene, spec, size in (("mixer_options", mixer, layer.num_heads), ("channel_options", channel, layer.ratio)):
            _check_layer_options(space, spec, size, getattr(layer, gene), where=f"layer{i}.{gene}")
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


def _check_layer_options(space: Choices, spec: BlockSpec, size: float, options: Options, *, where: str) -> None:
    """Raise ``SpaceError`` for options of a layer's block that are not those of the space in their canonical form."""
    remedy = f"the architecture is not in space {space.name!r}"
    given = dict(options)
    for gene in space.option_genes:
        if (gene.kind, gene.key) != (spec.kind, spec.key):
            continue
        value = given.pop(gene.name, None)
        try:
            gene.index(value)
        except ValueError:
            raise SpaceError(
                f"{where}.{gene.name}",
                expected=f"one of {', '.join(map(str, gene.values))}",
                got="nothing" if value is None else repr(value),
                remedy=remedy,
            ) from None
    if given:
        raise SpaceError(
            where, expected=f"options of {spec.key} that the space searches", got=", ".join(given), remedy=remedy
        )
    if options:
        found = fits(space, spec, size)
        names = [fit.options for fit in found]
        canonical = canonical_fits(found)[names.index(options)].options
        if canonical != options:
            raise SpaceError(
                where,
                expected=f"{options_text(canonical)}, which stands for it at this size",
                got=options_text(options),
                remedy=remedy,
            )
