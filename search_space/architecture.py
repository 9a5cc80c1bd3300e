"""An architecture: one network of a search space, as a value.

It is canonical: a field that does not matter holds its neutral value (``num_heads`` 0, ``ratio`` 0.0, precision
``float``), so two equal architectures, and only those, are the same network.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import asdict, dataclass, replace
from typing import Any

from search_space.errors import SpaceError
from search_space.options import OPTIONS, Options, as_options, options_text
from search_space.precision import FLOAT
from search_space.schema import Check, MalformedError, integer, items, number, one_of, parse_json, record, shown, word

__all__ = ["IDENTITY", "SCHEMA_VERSION", "SIZES", "Architecture", "Layer", "architecture_of"]

SCHEMA_VERSION = 2  # 2 has options of blocks, and is written where there are some
SIZES = {"embed_dim": integer(1, 2**20), "num_heads": integer(0, 2**16), "ratio": number(0.0, 1e4)}
"""What the sizes of blocks may be, in files of any origin."""
_LAYER: dict[str, Check] = {
    "mixer": word,
    "num_heads": SIZES["num_heads"],
    "channel_mixer": word,
    "ratio": SIZES["ratio"],
    "mixer_precision": word,
    "channel_precision": word,
}
_LAYER_OPTIONS: dict[str, Check] = {"mixer_options": OPTIONS, "channel_options": OPTIONS}
IDENTITY = "identity"
"""The mixer, and the channel mixer, that a layer without one has: it computes nothing and costs nothing."""


def _record_of(schema: int, layer: dict[str, Check]) -> Check:
    needed = ("mixer", "channel_mixer")
    fields = {
        "schema": one_of(schema),
        "embed_dim": SIZES["embed_dim"],
        "float_precision": word,
        "layers": items(record(layer, may_lack=[name for name in layer if name not in needed]), most=10_000),
    }
    return record(fields, may_lack=("float_precision",))


_ARCHITECTURES = {1: _record_of(1, _LAYER), 2: _record_of(2, _LAYER | _LAYER_OPTIONS)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Layer:
    """One layer: a token mixer and a channel mixer, each with its size, precision and options that the space searches.

    Options are given by name or as pairs, and kept as pairs.
    """

    mixer: str
    num_heads: int = 0
    channel_mixer: str
    ratio: float = 0.0
    mixer_precision: str = FLOAT
    channel_precision: str = FLOAT
    mixer_options: Options = ()
    channel_options: Options = ()

    def __post_init__(self) -> None:
        # 2 and 2.0 are equal but written differently: one form, so that equal networks have one key.
        object.__setattr__(self, "ratio", float(self.ratio))
        if self.mixer_options != ():
            object.__setattr__(self, "mixer_options", as_options(self.mixer_options))
        if self.channel_options != ():
            object.__setattr__(self, "channel_options", as_options(self.channel_options))

    @property
    def skips_mixer(self) -> bool:
        """Whether the layer mixes no tokens."""
        return self.mixer == IDENTITY

    @property
    def skips_channel_mixer(self) -> bool:
        """Whether the layer mixes no channels."""
        return self.channel_mixer == IDENTITY

    def __str__(self) -> str:
        mixer = self.mixer + (f"x{self.num_heads}" if self.num_heads else "") + options_text(self.mixer_options)
        channel = self.channel_mixer + (f"x{self.ratio:g}" if self.ratio else "") + options_text(self.channel_options)
        parts = [(mixer, self.mixer_precision), (channel, self.channel_precision)]
        return " + ".join(name if precision == FLOAT else f"{name}:{precision}" for name, precision in parts)


@dataclass(frozen=True, kw_only=True, slots=True)
class Architecture:
    """A whole network: its width, its float precision and its layers from input to output."""

    embed_dim: int
    float_precision: str = "fp32"
    layers: tuple[Layer, ...]

    def __str__(self) -> str:
        return f"{self.embed_dim} wide, {self.depth} deep: {self.mixers}"

    @property
    def depth(self) -> int:
        """Number of layers."""
        return len(self.layers)

    @property
    def key(self) -> str:
        """Twelve hexadecimal digits that name this network, stable over processes and versions of a schema."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:12]

    @property
    def mixers(self) -> str:
        """The mixers as one readable word, most frequent first: ``softmax*3 pooling``."""
        counts = Counter(layer.mixer for layer in self.layers).most_common()
        return " ".join(name if n == 1 else f"{name}*{n}" for name, n in counts)

    def in_float(self) -> Architecture:
        """Return the network without integer precisions."""
        layers = (replace(layer, mixer_precision=FLOAT, channel_precision=FLOAT) for layer in self.layers)
        return replace(self, layers=tuple(layers))

    def to_json(self) -> str:
        """Return the canonical JSON text, in the first schema that has all it says."""
        data = asdict(self)
        schema = SCHEMA_VERSION if any(la.mixer_options or la.channel_options for la in self.layers) else 1
        for layer in data["layers"]:
            for name in _LAYER_OPTIONS:
                if schema == 1:
                    del layer[name]
                else:
                    layer[name] = dict(layer[name])
        return json.dumps({"schema": schema, **data}, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Architecture:
        """Read what :meth:`to_json` wrote; raises ``SpaceError`` for anything else."""
        try:
            return architecture_of(parse_json(text))
        except MalformedError as error:
            raise SpaceError(
                "architecture", expected="JSON of an architecture", got=shown(text), remedy=f"mend it: {error}"
            ) from error


def architecture_of(data: Any) -> Architecture:
    """Return the architecture that parsed JSON of any origin describes.

    Raises
    ------
    MalformedError
        It describes none.
    SpaceError
        Another version wrote it.
    """
    schema = data.get("schema") if isinstance(data, dict) else SCHEMA_VERSION
    if type(schema) is not int or schema not in _ARCHITECTURES:
        raise SpaceError(
            "architecture.schema",
            expected=" or ".join(map(str, _ARCHITECTURES)),
            got=shown(schema),
            remedy="it was written by another version of nasweave: install that one",
        )
    known = _ARCHITECTURES[schema](data)
    del known["schema"]
    return Architecture(**{**known, "layers": tuple(Layer(**layer) for layer in known["layers"])})
