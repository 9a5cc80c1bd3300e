"""The two residual sub-blocks of a layer, each with all the variants it may choose from.

``x + mixer(norm(x))`` then ``x + channel_mixer(norm(x))``, or in a space of post-norm ``norm(x + mixer(x))`` then
``norm(x + channel_mixer(x))``. An identity skips its sub-block.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from search_space import Block, Geometry, Layer
from supernet.blocks import ChannelMixer, MixerCall, Projections, State, TokenMixer
from supernet.catalogue import CHANNEL_MIXERS, MIXERS
from supernet.elastic import elastic_norm
from supernet.layer.variants import Variants

__all__ = ["ChannelBlock", "MixerBlock"]


class _Residual(nn.Module):
    """The norm of a sub-block, at its place."""

    def __init__(self, geometry: Geometry, choices: Sequence[Block]) -> None:
        super().__init__()
        self.norm = elastic_norm(max(b.embed_dim for b in choices), geometry.norm)
        self.post = geometry.norm.position == "post"

    def before(self, x: Tensor) -> Tensor:
        return x if self.post else self.norm(x)

    def after(self, x: Tensor) -> Tensor:
        return self.norm(x) if self.post else x


class MixerBlock(_Residual):
    """Norm, the token mixer that the architecture names, residual.

    Parameters
    ----------
    geometry
        Shapes and options of the space.
    choices
        One block for each variant, those of other options included, at the largest sizes it will be used at.
    """

    def __init__(self, geometry: Geometry, choices: Sequence[Block]) -> None:
        super().__init__(geometry, choices)
        self.mixers = Variants(geometry, choices, MIXERS)
        shapes = [geometry.shape(b) for b in choices if MIXERS[b.key].spec.shares_projections]
        self.projections: Projections | None = None
        if shapes:
            widest = max(shapes, key=lambda shape: shape.num_heads)
            kv_heads = max(min(shape.kv_heads, shape.num_heads) for shape in shapes)
            self.projections = Projections(widest, kv_heads=kv_heads)

    def forward(self, x_BLD: Tensor, layer: Layer, mask_BL: Tensor | None = None) -> Tensor:
        """Map ``(B, L, D)`` to ``(B, L, D)``; ``mask_BL`` is True for real tokens, ``None`` without padding."""
        mixer = self._mixer(layer)
        y_BLD = x_BLD + mixer(self.before(x_BLD), self._call(mixer, layer, mask_BL))
        return self.after(y_BLD)

    def initial_state(
        self, batch_size: int, layer: Layer, *, embed_dim: int, dtype: torch.dtype, device: torch.device
    ) -> State:
        """Return the state of the layer's mixer before the first token."""
        return self._mixer(layer).initial_state(
            batch_size, embed_dim=embed_dim, num_heads=layer.num_heads, dtype=dtype, device=device
        )

    def step(self, x_B1D: Tensor, layer: Layer, state: State, *, position: Tensor) -> tuple[Tensor, State]:
        """Map one more token ``(B, 1, D)``; returns it with the new state."""
        mixer = self._mixer(layer)
        y_B1D, state = mixer.step(self.before(x_B1D), state, self._call(mixer, layer), position=position)
        return self.after(x_B1D + y_B1D), state

    def _mixer(self, layer: Layer) -> TokenMixer:
        mixer = self.mixers.of(layer.mixer, layer.mixer_options)
        assert isinstance(mixer, TokenMixer)
        return mixer

    def _call(self, mixer: TokenMixer, layer: Layer, mask_BL: Tensor | None = None) -> MixerCall:
        return MixerCall(
            precision=layer.mixer_precision,
            mask_BL=mask_BL,
            num_heads=layer.num_heads,
            projections=self.projections if mixer.spec.shares_projections else None,
        )


class ChannelBlock(_Residual):
    """Norm, the channel mixer that the architecture names, residual; arguments as :class:`MixerBlock`."""

    def __init__(self, geometry: Geometry, choices: Sequence[Block]) -> None:
        super().__init__(geometry, choices)
        self.mixers = Variants(geometry, choices, CHANNEL_MIXERS)

    def forward(self, x_BLD: Tensor, layer: Layer) -> Tensor:
        """Map ``(B, L, D)`` to ``(B, L, D)``."""
        mixer = self.mixers.of(layer.channel_mixer, layer.channel_options)
        assert isinstance(mixer, ChannelMixer)
        hidden_dim = round(layer.ratio * x_BLD.shape[-1])
        y_BLD = x_BLD + mixer(self.before(x_BLD), hidden_dim=hidden_dim, precision=layer.channel_precision)
        return self.after(y_BLD)
