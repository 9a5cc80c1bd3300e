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
from search_space.precision import FLOAT
from search_space.schema import MalformedError, integer, items, number, one_of, parse_json, record, shown, word

__all__ = ["IDENTITY", "SCHEMA_VERSION", "SIZES", "Architecture", "Layer", "architecture_of"]

SCHEMA_VERSION = 1
SIZES = {"embed_dim": integer(1, 2**20), "num_heads": integer(0, 2**16), "ratio": number(0.0, 1e4)}
"""What the sizes of blocks may be, in files of any origin."""
_LAYER = record(
    {
        "mixer": word,
        "num_heads": SIZES["num_heads"],
        "channel_mixer": word,
        "ratio": SIZES["ratio"],
        "mixer_precision": word,
        "channel_precision": word,
    },
    may_lack=("num_heads", "ratio", "mixer_precision", "channel_precision"),
)
_ARCHITECTURE = record(
    {
        "schema": one_of(SCHEMA_VERSION),
        "embed_dim": SIZES["embed_dim"],
        "float_precision": word,
        "layers": items(_LAYER, most=10_000),
    },
    may_lack=("float_precision",),
)
IDENTITY = "identity"
"""The mixer, and the channel mixer, that a layer without one has: it computes nothing and costs nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Layer:
    """One layer: a token mixer and a channel mixer, each with its size and precision."""

    mixer: str
    num_heads: int = 0
    channel_mixer: str
    ratio: float = 0.0
    mixer_precision: str = FLOAT
    channel_precision: str = FLOAT

    def __post_init__(self) -> None:
        # 2 and 2.0 are equal but written differently: one form, so that equal networks have one key.
        object.__setattr__(self, "ratio", float(self.ratio))

    @property
    def skips_mixer(self) -> bool:
        """Whether the layer mixes no tokens."""
        return self.mixer == IDENTITY

    @property
    def skips_channel_mixer(self) -> bool:
        """Whether the layer mixes no channels."""
        return self.channel_mixer == IDENTITY

    def __str__(self) -> str:
        mixer = self.mixer + (f"x{self.num_heads}" if self.num_heads else "")
        channel = self.channel_mixer + (f"x{self.ratio:g}" if self.ratio else "")
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
        """Return the canonical JSON text."""
        return json.dumps({"schema": SCHEMA_VERSION, **asdict(self)}, sort_keys=True, separators=(",", ":"))

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
    if schema != SCHEMA_VERSION:
        raise SpaceError(
            "architecture.schema",
            expected=str(SCHEMA_VERSION),
            got=shown(schema),
            remedy="it was written by another version of nasweave: install that one",
        )
    known = _ARCHITECTURE(data)
    del known["schema"]
    return Architecture(**{**known, "layers": tuple(Layer(**layer) for layer in known["layers"])})
