"""The mixers and channel mixers as rows: what each can do and what it costs, from the declarations alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from search_space.spec import BlockShape, BlockSpec, Cost, Scalar, TaskShape
from supernet.catalogue import catalogue

__all__ = ["CatalogueRow", "OptionRow", "catalogue_json", "catalogue_markdown", "catalogue_rows"]

_SIDE, _WIDTH, _HEADS, _HEAD_DIM, _RATIO = 16, 64, 4, 16, 2


@dataclass(frozen=True, kw_only=True, slots=True)
class OptionRow:
    """What a space may set of a block: one value, or a list of which each layer chooses.

    Parameters
    ----------
    choices
        All its values, where they are few.
    nested
        Whether a smaller value uses a part of the weights of a larger one; where a space lists values of another
        option, those weights are shared whose shapes are alike.
    """

    default: Scalar
    choices: tuple[Scalar, ...] | None
    nested: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class CatalogueRow:
    """One mixer or channel mixer.

    Parameters
    ----------
    bidirectional, causal
        Which forms exist.
    grid
        Whether the tokens must form a (height, width) grid.
    elastic
        The genes that change it besides the width: ``num_heads``, ``ratio``, ``precision``.
    shares_projections
        Whether it uses the layer's shared q, k, v and out.
    options
        What a space may set, or search in each layer.
    phases
        How it runs: ``parallel``, all tokens at once, and where it has a causal form ``step``, token by token.
    runtimes
        Families of runtimes that execute it.
    params, flops, peak_activations, constants
        Cost for one example of 256 tokens (16 x 16 where a grid is needed), 64 features, 4 heads of 16, ratio 2; norm,
        projections and residual included.
    growth
        Exponent of the number of tokens in the operations beside the layer's linears, between 1,024 and 4,096 tokens.
    """

    kind: str
    key: str
    paper: str
    bidirectional: bool
    causal: bool
    grid: bool
    elastic: tuple[str, ...]
    shares_projections: bool
    options: Mapping[str, OptionRow]
    phases: tuple[str, ...]
    runtimes: tuple[str, ...]
    params: int
    flops: int
    peak_activations: int
    constants: int
    growth: float


def _cost(spec: BlockSpec, side: int) -> Cost:
    causal = not spec.bidirectional
    grid = (side, side) if spec.needs_grid else None
    task = TaskShape(input_shape=(side**2,), num_outputs=1, seq_len=side**2, grid=grid, causal=causal)
    shape = BlockShape(
        task=task,
        embed_dim=_WIDTH,
        head_dim=_HEAD_DIM,
        num_heads=_HEADS if spec.has_heads else 0,
        hidden_dim=_RATIO * _WIDTH if spec.has_ratio else 0,
    )
    return spec.cost(shape)


def _growth(spec: BlockSpec) -> float:
    """Return the exponent of the length in the operations, without those linears that see each token alone."""
    few, many = (_mixing_flops(_cost(spec, side), side**2) for side in (32, 64))
    return round(math.log(many / few, 4), 2) if few else 1.0


def _mixing_flops(cost: Cost, length: int) -> int:
    alone = sum(2 * w.tokens * w.in_features * w.out_features for w in cost.linears if w.tokens == length)
    return cost.flops - alone


def _row(spec: BlockSpec) -> CatalogueRow:
    cost = _cost(spec, _SIDE)
    genes = {"num_heads": spec.has_heads, "ratio": spec.has_ratio, "precision": spec.has_linears}
    return CatalogueRow(
        kind=spec.kind,
        key=spec.key,
        paper=spec.paper,
        bidirectional=spec.bidirectional,
        causal=spec.causal,
        grid=spec.needs_grid,
        elastic=tuple(gene for gene, matters in genes.items() if matters),
        shares_projections=spec.shares_projections,
        options={name: _option(spec, name) for name in spec.options},
        phases=("parallel", "step") if spec.causal and spec.kind == "mixer" else ("parallel",),
        runtimes=tuple(sorted(spec.runtimes)),
        params=cost.params,
        flops=cost.flops,
        peak_activations=cost.peak_activations,
        constants=cost.constants,
        growth=_growth(spec),
    )


def _option(spec: BlockSpec, name: str) -> OptionRow:
    default = spec.options[name]
    choices = (False, True) if isinstance(default, bool) else spec.option_choices.get(name)
    return OptionRow(default=default, choices=choices, nested=name in spec.nested_options)


def catalogue_rows() -> list[CatalogueRow]:
    """Return a row for each registered mixer, then for each channel mixer."""
    found = catalogue()
    return [_row(spec) for table in (found.mixers, found.channel_mixers) for spec in table.values()]


def catalogue_json() -> list[dict[str, object]]:
    """Return :func:`catalogue_rows` as JSON data."""
    return [asdict(row) for row in catalogue_rows()]


_HEAD = """# Mixers and channel mixers

Every block that a layer may choose, written from the registries by `python -m supernet.catalogue --markdown`; a test
fails when this page is stale. `python -m supernet.catalogue --json` gives the same to programs.

B: sees all tokens; C: has a causal form, which also decodes token by token; 2D: needs tokens on a grid. Costs are
those of one example of 256 tokens (16 x 16), 64 features, 4 heads of 16 and ratio 2, norm, projections and residual
included, in the form that sees all tokens; peak is the number of values alive at once. Growth is the exponent of the
number of tokens in the operations beside the linears that see each token alone, between 1,024 and 4,096 tokens.

Options stand with their defaults. A space sets one with `options: {sliding_window: {width: 32}}`, and searches it in
each layer with a list, `options: {sliding_window: {width: [8, 32, 128]}}`: each value is then a block of its own,
profiled and priced as such, and the supernet shares between them all weights of equal shape. Weights that ranks,
expansions and heads of keys size are shared by their prefix; filters of other lengths are apart. `kv_heads` is a number
of heads that divides `num_heads`, or `all`; where a value does not divide the heads of a layer, the nearest one in the
list that does stands for it. With rotary `positions` queries and keys are turned by their places,
as in `rotary_softmax`; with an int8 `cache` a decoder remembers keys and values as 8-bit integers.
"""


def catalogue_markdown() -> str:
    """Return the page ``docs/catalogue.md``."""
    rows = catalogue_rows()
    parts = [_HEAD]
    for title, kind in (("Token mixers", "mixer"), ("Channel mixers", "channel_mixer")):
        lines = [
            f"## {title}",
            "",
            "| key | paper | forms | elastic in | options | parameters | FLOPs | peak | growth | runtimes |",
            "|---|---|---|---|---|---|---|---|---|---|",
            *(_line(row) for row in rows if row.kind == kind),
            "",
        ]
        parts.append("\n".join(lines))
    return "\n".join(parts)


def _line(row: CatalogueRow) -> str:
    forms = " ".join(name for name, has in (("B", row.bidirectional), ("C", row.causal), ("2D", row.grid)) if has)
    options = ", ".join(f"{name}: {option.default}" for name, option in row.options.items())
    cells = (
        f"`{row.key}`",
        row.paper,
        forms,
        ", ".join(("width", *row.elastic)) if row.params else "",
        options,
        f"{row.params:,}",
        f"{row.flops:,}",
        f"{row.peak_activations:,}",
        f"{row.growth:g}",
        ", ".join(row.runtimes),
    )
    return f"| {' | '.join(cells)} |"
