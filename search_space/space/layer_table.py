"""Between a layer and its genes: what each gene stands for, which genes matter, which choices do nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_space.architecture import Layer
from search_space.precision import FLOAT
from search_space.space.choices import LAYER_GENES, Choices
from search_space.space.variants import Variants
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
        self.mixers, self.channels = Variants(space, "mixer"), Variants(space, "channel_mixer")

    def canonical_layer(self, layer: Layer) -> Layer:
        """Return the layer with its inactive fields set to their neutral values, absent options to their first choice.

        Raises ``KeyError`` for a foreign block, and ``ValueError`` for options that are not searched, and for a size
        that the space does not have where they are.
        """
        mixer, channel = self._specs["mixer"][layer.mixer], self._specs["channel_mixer"][layer.channel_mixer]
        heads, ratio = layer.num_heads if mixer.has_heads else 0, layer.ratio if channel.has_ratio else 0.0
        return Layer(
            mixer=layer.mixer,
            num_heads=heads,
            channel_mixer=layer.channel_mixer,
            ratio=ratio,
            mixer_precision=layer.mixer_precision if mixer.has_linears else FLOAT,
            channel_precision=layer.channel_precision if channel.has_linears else FLOAT,
            mixer_options=self.mixers.canonical_options(layer.mixer, layer.mixer_options, heads),
            channel_options=self.channels.canonical_options(layer.channel_mixer, layer.channel_options, ratio),
        )

    def layer_of(self, genes: Sequence[int]) -> Layer:
        """Return the layer that the genes of a layer stand for; canonical, with those that do not matter at 0."""
        mixer, heads, channel, ratio, mixer_precision, channel_precision = genes[: len(LAYER_GENES)]
        space = self._space
        mixers, channels = self._specs["mixer"], self._specs["channel_mixer"]
        mixer_spec, channel_spec = mixers[space.mixer[mixer]], channels[space.channel_mixer[channel]]
        return Layer(
            mixer=space.mixer[mixer],
            num_heads=space.num_heads[heads] if mixer_spec.has_heads else 0,
            channel_mixer=space.channel_mixer[channel],
            ratio=space.ratio[ratio] if channel_spec.has_ratio else 0.0,
            mixer_precision=space.precision[mixer_precision] if mixer_spec.has_linears else FLOAT,
            channel_precision=space.precision[channel_precision] if channel_spec.has_linears else FLOAT,
            mixer_options=self.mixers.options_of(mixer, genes[self.mixers.columns]),
            channel_options=self.channels.options_of(channel, genes[self.channels.columns]),
        )

    def genes_of(self, layer: Layer) -> list[int]:
        """Return the genes of a canonical layer; ``ValueError`` or ``KeyError`` for one outside of the space."""
        space = self._space
        if layer != self.canonical_layer(layer) or (layer.skips_mixer and layer.skips_channel_mixer):
            raise ValueError("not canonical")
        mixer, channel = self._specs["mixer"][layer.mixer], self._specs["channel_mixer"][layer.channel_mixer]
        heads = space.num_heads.index(layer.num_heads) if mixer.has_heads else 0
        ratio = space.ratio.index(layer.ratio) if channel.has_ratio else 0
        return [
            space.mixer.index(layer.mixer),
            heads,
            space.channel_mixer.index(layer.channel_mixer),
            ratio,
            space.precision.index(layer.mixer_precision) if mixer.has_linears else 0,
            space.precision.index(layer.channel_precision) if channel.has_linears else 0,
            *self.mixers.genes_of(layer.mixer, layer.mixer_options, heads),
            *self.channels.genes_of(layer.channel_mixer, layer.channel_options, ratio),
        ]

    def variants_of(self, layers: NDArray[np.integer[Any]]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return the numbers of the mixers and of the channel mixers of canonical genes, ``(n, max_depth)`` each."""
        mixers = self.mixers.numbers(layers[..., 0], layers[..., self.mixers.columns])
        return mixers, self.channels.numbers(layers[..., 2], layers[..., self.channels.columns])

    def neutralise(self, layers: NDArray[np.integer[Any]], active: NDArray[np.bool_]) -> None:
        """Set in place the genes of ``(n, max_depth, genes of a layer)`` that do not matter to 0.

        Options that do not exist at a layer's sizes become the nearest that do, and of those that compute the same the
        first.

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
        self.mixers.neutralise(layers[..., 0], layers[..., 1], layers[..., self.mixers.columns])
        self.channels.neutralise(layers[..., 2], layers[..., 3], layers[..., self.channels.columns])
        layers *= active[:, :, None]
