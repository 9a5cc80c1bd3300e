"""The distinct blocks of a space: what a profile measures and what every cost is a sum over.

A network is a stem, then a mixer and a channel mixer a layer, then a head. Two networks that contain the same block at
the same sizes and precision contain the same kernels, so a space with 10^20 networks has a few hundred blocks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, get_args

from search_space.architecture import IDENTITY, SIZES, Architecture, Layer
from search_space.norm import Norm
from search_space.options import OPTIONS, Options, Scalar, as_options, normal_options, options_text
from search_space.precision import FLOAT
from search_space.schema import integer, items, number, one_of, optional, parse_json, record, scalar, table, word
from search_space.spec import BlockShape, BlockSpec, Catalogue, Cost, Kind, StateShapes, TaskShape

__all__ = ["Block", "Geometry", "block_of", "blocks_of", "geometry_of", "layer_blocks", "layer_of"]

_BLOCK = record(
    {
        "kind": one_of(*get_args(Kind)),
        "key": word,
        **SIZES,
        "precision": word,
        "float_precision": word,
        "options": OPTIONS,
    },
    may_lack=("num_heads", "ratio", "precision", "float_precision", "options"),
)
_SIZE = integer(1, 2**31)
_TASK = record(
    {
        "input_shape": items(_SIZE, least=1, most=8),
        "num_outputs": _SIZE,
        "seq_len": _SIZE,
        "grid": optional(items(_SIZE, least=2, most=2)),
        "causal": one_of(True, False),
        "vocab_size": integer(0, 2**31),
        "padded": one_of(True, False),
        "stem": word,
        "head": word,
        "categories": items(integer(0, 2**31), most=100_000),
    },
    may_lack=("grid", "causal", "vocab_size", "padded", "stem", "head", "categories"),
)
_CHOICES = items(scalar, least=1, most=1000)


def _constant_or_choices(value: Any) -> Any:
    return _CHOICES(value) if isinstance(value, list | tuple) else scalar(value)


_GEOMETRY = record(
    {
        "task": _TASK,
        "head_dim": integer(1, 2**20),
        "options": table(word, table(word, _constant_or_choices, most=100), most=1000),
        "norm": record({"kind": word, "eps": number(0.0, 1.0), "position": word}, may_lack=("kind", "eps", "position")),
    },
    may_lack=("options", "norm"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """One block at its sizes and precision, with the options that the space searches: the unit of profiling."""

    kind: Kind
    key: str
    embed_dim: int
    num_heads: int = 0
    ratio: float = 0.0
    precision: str = FLOAT
    float_precision: str = "fp32"
    options: Options = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "ratio", float(self.ratio))  # one form of equal numbers, as in Layer
        if self.options != ():
            object.__setattr__(self, "options", as_options(self.options))

    @property
    def hidden_dim(self) -> int:
        """Hidden width of a channel mixer."""
        return round(self.ratio * self.embed_dim)

    def to_mapping(self) -> dict[str, Any]:
        """Return JSON data; options are left out where there are none, as in texts from before there were any."""
        data = asdict(self)
        del data["options"]
        return data | {"options": dict(self.options)} if self.options else data

    def in_float(self) -> Block:
        """Return the block without an integer precision."""
        return replace(self, precision=FLOAT)

    def __str__(self) -> str:
        size = f" heads={self.num_heads}" if self.num_heads else f" ratio={self.ratio:g}" if self.ratio else ""
        precision = self.float_precision if self.precision == FLOAT else self.precision
        return f"{self.key}{options_text(self.options)} dim={self.embed_dim}{size} {precision}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Geometry:
    """Everything but the choices that is needed to build any block or network of a space.

    ``options`` holds what is set of blocks by key; in the geometry of a space, all options of all its blocks. A value
    is a constant of all networks, a tuple holds the choices of each layer that has the block. ``norm`` is that of the
    whole network.
    """

    task: TaskShape
    head_dim: int
    options: Mapping[str, Mapping[str, Scalar | tuple[Scalar, ...]]] = field(default_factory=dict)
    norm: Norm = field(default_factory=Norm)

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", normal_options(self.options))

    def constants(self, block: Block) -> Mapping[str, Any]:
        """Return all options of a block by name, those that are searched among them."""
        own = self.options.get(block.key, {})
        return {**own, **dict(block.options)} if block.options else own

    def shape(self, block: Block) -> BlockShape:
        """Return the sizes at which ``block`` is built."""
        return BlockShape(
            task=self.task,
            embed_dim=block.embed_dim,
            head_dim=self.head_dim,
            num_heads=block.num_heads,
            hidden_dim=block.hidden_dim,
            norm=self.norm,
            options=self.constants(block),
        )

    def cost(self, block: Block, catalogue: Catalogue) -> Cost:
        """Return what ``block`` costs for one example."""
        spec, shape = catalogue.spec(block.kind, block.key), self.shape(block)
        return _with_norm(spec.cost(shape), spec, shape)

    def state(self, block: Block, catalogue: Catalogue) -> StateShapes:
        """Return the shapes of what ``block`` remembers of one example when it decodes."""
        return catalogue.spec(block.kind, block.key).state(self.shape(block))

    def of_length(self, tokens: int) -> Geometry:
        """Return the geometry of sequences of so many tokens; 0 leaves it as it is."""
        if tokens in (0, self.task.seq_len):
            return self
        return replace(self, task=replace(self.task, seq_len=tokens, input_shape=(tokens, *self.task.input_shape[1:])))

    def to_json(self) -> str:
        """Return the canonical JSON text."""
        return json.dumps(self.to_mapping(), sort_keys=True, separators=(",", ":"))

    def to_mapping(self) -> dict[str, Any]:
        """Return JSON data; what came later is left out at its default, so that texts from before stay equal."""
        data = asdict(self)
        if self.norm == Norm():
            del data["norm"]
        if not self.task.categories:
            del data["task"]["categories"]
        return data

    @classmethod
    def from_json(cls, text: str) -> Geometry:
        """Read what :meth:`to_json` wrote; raises as :func:`geometry_of` does."""
        return geometry_of(parse_json(text))


def geometry_of(data: Any) -> Geometry:
    """Return the geometry that parsed JSON of any origin describes.

    Raises
    ------
    MalformedError
        It describes none.
    SpaceError
        There is no such norm.
    """
    known = _GEOMETRY(data)
    return Geometry(**{**known, "task": TaskShape(**known["task"]), "norm": Norm(**known.get("norm", {}))})


def block_of(data: Any) -> Block:
    """Return the block that parsed JSON of any origin describes; raises ``MalformedError`` where it describes none."""
    return Block(**_BLOCK(data))


def _with_norm(cost: Cost, spec: BlockSpec, shape: BlockShape) -> Cost:
    """Return what a cost, which counts a layer norm before the sub-block, is under the norm of the space."""
    norm, tokens = shape.norm, shape.task.seq_len * shape.embed_dim
    if norm == Norm() or not spec.has_norm:
        return cost
    peak, inputs = cost.peak_activations, 1
    if norm.position == "post" and spec.kind in ("mixer", "channel_mixer"):
        peak, inputs = peak - tokens, 2  # no normalised input; the sum is normalised while the input still lives
    return replace(
        cost,
        other_params=cost.other_params + (norm.vectors - Norm().vectors) * shape.embed_dim,
        peak_activations=max(peak, (inputs + norm.alive) * tokens),
    )


def layer_blocks(layer: Layer, *, embed_dim: int, float_precision: str) -> tuple[Block | None, Block | None]:
    """Return the mixer and the channel mixer of a layer; an identity is ``None``, for it computes nothing."""
    mixer = Block(
        kind="mixer",
        key=layer.mixer,
        embed_dim=embed_dim,
        num_heads=layer.num_heads,
        precision=layer.mixer_precision,
        float_precision=float_precision,
        options=layer.mixer_options,
    )
    channel = Block(
        kind="channel_mixer",
        key=layer.channel_mixer,
        embed_dim=embed_dim,
        ratio=layer.ratio,
        precision=layer.channel_precision,
        float_precision=float_precision,
        options=layer.channel_options,
    )
    return (None if mixer.key == IDENTITY else mixer), (None if channel.key == IDENTITY else channel)


def layer_of(block: Block) -> Layer:
    """Return the layer whose one sub-block is a mixer or channel mixer, in float."""
    mixer, channel = (block.key, IDENTITY) if block.kind == "mixer" else (IDENTITY, block.key)
    return Layer(
        mixer=mixer,
        num_heads=block.num_heads,
        channel_mixer=channel,
        ratio=block.ratio,
        mixer_options=block.options if block.kind == "mixer" else (),
        channel_options=() if block.kind == "mixer" else block.options,
    )


def blocks_of(architecture: Architecture, task: TaskShape) -> list[Block]:
    """Return the blocks of a network from input to output; identities are left out."""
    sizes: dict[str, Any] = {
        "embed_dim": architecture.embed_dim,
        "float_precision": architecture.float_precision,
    }
    middle = [b for layer in architecture.layers for b in layer_blocks(layer, **sizes) if b is not None]
    return [Block(kind="stem", key=task.stem, **sizes), *middle, Block(kind="head", key=task.head, **sizes)]
