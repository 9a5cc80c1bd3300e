"""Between a layer and its six genes: what each gene stands for, which genes matter, which choices do nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_space.architecture import Layer
from search_space.precision import FLOAT
from search_space.space.choices import Choices
from search_space.spec import BlockSpec

__all__ = ["LayerTable"]

_FLAGS = ("has_heads", "has_ratio", "has_linears", "skips")


class LayerTable:
    """The declarations of a space's mixers and channel mixers as tables over their genes."""

    def __init__(self, space: Choices) -> None:
        self._space = space
        self._specs: dict[str, dict[str, BlockSpec]] = {
            "mixer": {key: space.catalogue.spec("mixer", key) for key in space.mixer},
            "channel_mixer": {key: space.catalogue.spec("channel_mixer", key) for key in space.channel_mixer},
        }
        self.flags: dict[tuple[str, str], NDArray[np.int16]] = {
            (gene, flag): np.array([getattr(spec, flag) for spec in specs.values()], np.int16)
            for gene, specs in self._specs.items()
            for flag in _FLAGS
        }
        self.idle_mixer: NDArray[np.bool_] = self.flags["mixer", "skips"].astype(bool)
        self.idle_channel: NDArray[np.bool_] = self.flags["channel_mixer", "skips"].astype(bool)

    def canonical_layer(self, layer: Layer) -> Layer:
        """Return the layer with its inactive fields set to their neutral values; ``KeyError`` for a foreign block."""
        mixer, channel = self._specs["mixer"][layer.mixer], self._specs["channel_mixer"][layer.channel_mixer]
        return Layer(
            mixer=layer.mixer,
            num_heads=layer.num_heads if mixer.has_heads else 0,
            channel_mixer=layer.channel_mixer,
            ratio=layer.ratio if channel.has_ratio else 0.0,
            mixer_precision=layer.mixer_precision if mixer.has_linears else FLOAT,
            channel_precision=layer.channel_precision if channel.has_linears else FLOAT,
        )

    def layer_of(self, genes: Sequence[int]) -> Layer:
        """Return the layer that six layer genes stand for."""
        mixer, heads, channel, ratio, mixer_precision, channel_precision = genes
        space = self._space
        layer = Layer(
            mixer=space.mixer[mixer],
            num_heads=space.num_heads[heads],
            channel_mixer=space.channel_mixer[channel],
            ratio=space.ratio[ratio],
            mixer_precision=space.precision[mixer_precision],
            channel_precision=space.precision[channel_precision],
        )
        return self.canonical_layer(layer)

    def genes_of(self, layer: Layer) -> list[int]:
        """Return the six genes of a canonical layer; ``ValueError`` or ``KeyError`` for one outside of the space."""
        space = self._space
        if layer != self.canonical_layer(layer) or (layer.skips_mixer and layer.skips_channel_mixer):
            raise ValueError("not canonical")
        mixer, channel = self._specs["mixer"][layer.mixer], self._specs["channel_mixer"][layer.channel_mixer]
        return [
            space.mixer.index(layer.mixer),
            space.num_heads.index(layer.num_heads) if mixer.has_heads else 0,
            space.channel_mixer.index(layer.channel_mixer),
            space.ratio.index(layer.ratio) if channel.has_ratio else 0,
            space.precision.index(layer.mixer_precision) if mixer.has_linears else 0,
            space.precision.index(layer.channel_precision) if channel.has_linears else 0,
        ]

    def neutralise(self, layers: NDArray[np.integer[Any]], active: NDArray[np.bool_]) -> None:
        """Set in place the genes of ``(n, max_depth, 6)`` that do not matter to 0.

        An active layer that would do nothing (two identities) gets the first channel mixer that does something, or,
        where the space has none, the first mixer that does.
        """
        layers *= active[:, :, None]
        idle = self.idle_mixer[layers[..., 0]] & self.idle_channel[layers[..., 2]] & active
        if idle.any():
            column, choices = (2, self.idle_channel) if not self.idle_channel.all() else (0, self.idle_mixer)
            layers[..., column][idle] = int(np.argmin(choices))
        layers[..., 1] *= self.flags["mixer", "has_heads"][layers[..., 0]]
        layers[..., 3] *= self.flags["channel_mixer", "has_ratio"][layers[..., 2]]
        layers[..., 4] *= self.flags["mixer", "has_linears"][layers[..., 0]]
        layers[..., 5] *= self.flags["channel_mixer", "has_linears"][layers[..., 2]]
        layers *= active[:, :, None]
