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

__all__ = ["IDENTITY", "SCHEMA_VERSION", "Architecture", "Layer"]

SCHEMA_VERSION = 1
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
            data: dict[str, Any] = json.loads(text)
            schema = data.pop("schema")
            if schema != SCHEMA_VERSION:
                raise SpaceError(
                    "architecture.schema",
                    expected=str(SCHEMA_VERSION),
                    got=str(schema),
                    remedy="it was written by another version of nasweave: install that one",
                )
            layers = tuple(Layer(**layer) for layer in data.pop("layers"))
            architecture = cls(layers=layers, **data)
            if any(type(n) is not int for n in (architecture.embed_dim, *(layer.num_heads for layer in layers))):
                raise TypeError("embed_dim and num_heads are integers")
            return architecture
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise SpaceError(
                "architecture", expected="JSON of an architecture", got=repr(text[:80]), remedy=f"mend it: {error}"
            ) from error
