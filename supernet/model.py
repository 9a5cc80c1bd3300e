"""The supernet, and the plain network of one architecture: the same body with all variants or with one.

The architecture is an argument of the supernet, never hidden state.

Papers: Cai et al. 2020 (Once-for-All); Chen et al. 2021 (AutoFormer: weight entanglement).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from hardware_profiles.onnx.parts import Part
from search_space import Architecture, Block, Geometry, SearchSpace
from search_space.blocks import layer_blocks
from search_space.precision import FLOAT, FORMATS
from supernet.blocks import State
from supernet.catalogue import HEADS, STEMS
from supernet.composing.parts import network_parts
from supernet.elastic import ElasticLinear, reset_parameters
from supernet.layer import ChannelBlock, MixerBlock

__all__ = ["Network", "Supernet"]


class _Body(nn.Module):
    """Stem, layers, head; ``layers`` gives the choices of each layer's mixer and channel mixer."""

    def __init__(
        self, geometry: Geometry, embed_dim: int, layers: Sequence[tuple[Sequence[Block], Sequence[Block]]]
    ) -> None:
        super().__init__()
        task = geometry.task
        self.stem = STEMS[task.stem](geometry.shape(Block(kind="stem", key=task.stem, embed_dim=embed_dim)))
        self.mixer_blocks = nn.ModuleDict({str(i): MixerBlock(geometry, m) for i, (m, _) in enumerate(layers) if m})
        self.channel_blocks = nn.ModuleDict({str(i): ChannelBlock(geometry, c) for i, (_, c) in enumerate(layers) if c})
        self.head = HEADS[task.head](geometry.shape(Block(kind="head", key=task.head, embed_dim=embed_dim)))

    def forward(self, batch: Tensor, architecture: Architecture) -> Tensor:
        x_BLD, mask_BL = self.stem(batch, embed_dim=architecture.embed_dim), self.stem.mask(batch)
        for i, layer in enumerate(architecture.layers):
            if not layer.skips_mixer:
                x_BLD = self.mixer_blocks[str(i)](x_BLD, layer, mask_BL)
            if not layer.skips_channel_mixer:
                x_BLD = self.channel_blocks[str(i)](x_BLD, layer)
        return self.stem.restore(self.head(x_BLD, mask_BL=mask_BL), batch)

    def step(
        self, batch_B1: Tensor, architecture: Architecture, states: Sequence[State], *, position: Tensor
    ) -> tuple[Tensor, tuple[State, ...]]:
        x_B1D, after = self.stem.step(batch_B1, embed_dim=architecture.embed_dim, position=position), []
        for i, (layer, state) in enumerate(zip(architecture.layers, states, strict=True)):
            if not layer.skips_mixer:
                mixer_block = self.mixer_blocks[str(i)]
                assert isinstance(mixer_block, MixerBlock)
                x_B1D, state = mixer_block.step(x_B1D, layer, state, position=position)
            if not layer.skips_channel_mixer:
                x_B1D = self.channel_blocks[str(i)](x_B1D, layer)
            after.append(state)
        return self.head(x_B1D), tuple(after)


class Supernet(nn.Module):
    """All networks of a space over one set of weights.

    Parameters
    ----------
    space
        The space; its largest sizes decide the weights.
    generator
        Source of the initial weights.
    """

    def __init__(self, space: SearchSpace, *, generator: torch.Generator) -> None:
        super().__init__()
        self.space = space
        width = max(space.embed_dim)
        heads, ratio = max(space.num_heads), max(space.ratio)
        mixers = [
            Block(kind="mixer", key=s.key, embed_dim=width, num_heads=heads if s.has_heads else 0, options=options)
            for s in (space.catalogue.mixers[key] for key in space.mixer)
            for options in space.variants(s.kind, s.key)
            if not s.skips
        ]
        channels = [
            Block(
                kind="channel_mixer", key=s.key, embed_dim=width, ratio=ratio if s.has_ratio else 0.0, options=options
            )
            for s in (space.catalogue.channel_mixers[key] for key in space.channel_mixer)
            for options in space.variants(s.kind, s.key)
            if not s.skips
        ]
        self.body = _Body(space.geometry, width, [(mixers, channels)] * space.max_depth)
        reset_parameters(self, generator)

    def forward(self, batch: Tensor, architecture: Architecture) -> Tensor:
        """Run the subnet on ``(B, *input_shape)``; returns the head's outputs."""
        return self.body(batch, architecture)  # type: ignore[no-any-return]


class Network(nn.Module):
    """One architecture with weights of exactly its sizes: what is exported.

    Parameters
    ----------
    architecture, geometry
        The network and its shapes; together they rebuild it from a file.
    simulate_precision
        Whether to compute as the integer runtime does; ``False`` computes in float, which exporters need.
    """

    def __init__(self, architecture: Architecture, geometry: Geometry, *, simulate_precision: bool = True) -> None:
        super().__init__()
        self.architecture, self.geometry = architecture, geometry
        layers = [
            tuple(
                [b] if b else [] for b in layer_blocks(layer, embed_dim=architecture.embed_dim, float_precision="fp32")
            )
            for layer in architecture.layers
        ]
        self.body = _Body(geometry, architecture.embed_dim, [(m, c) for m, c in layers])
        for path, precision in self.precision_policy().items():
            if FORMATS[precision].calibrated:
                self.get_submodule(path).input_limit = torch.zeros(())
        self._running = architecture if simulate_precision else architecture.in_float()

    def forward(self, batch: Tensor) -> Tensor:
        """Run on ``(B, *input_shape)``; returns the head's outputs."""
        return self.body(batch, self._running)  # type: ignore[no-any-return]

    def initial_state(self, batch_size: int) -> tuple[State, ...]:
        """Return the state of each layer before the first token; the network is causal."""
        if not self.geometry.task.causal:
            raise ValueError("only a causal network decodes token by token")
        weight = next(self.parameters())
        states: list[State] = []
        for i, layer in enumerate(self.architecture.layers):
            state: State = ()
            if not layer.skips_mixer:
                block = self.body.mixer_blocks[str(i)]
                assert isinstance(block, MixerBlock)
                state = block.initial_state(
                    batch_size, layer, embed_dim=self.architecture.embed_dim, dtype=weight.dtype, device=weight.device
                )
            states.append(state)
        return tuple(states)

    def step(self, batch_B1: Tensor, states: Sequence[State], *, position: Tensor) -> tuple[Tensor, tuple[State, ...]]:
        """Run on the next token alone: what :meth:`forward` gives at its place, and the states after it.

        Under ``w8a8`` the range of activations is that of this token, where ``forward`` takes one over all tokens.

        Parameters
        ----------
        batch_B1
            Token ids, ``(B, 1)``.
        states
            Of :meth:`initial_state` or of the step before.
        position
            Number of tokens before, below ``task.seq_len``: an int64 without axes.

        Returns
        -------
        The head's outputs, ``(B, 1, O)``, and the new states.
        """
        return self.body.step(batch_B1, self._running, states, position=position)

    def parts(self, example: Tensor) -> list[Part] | None:
        """Return what its graph is put together from (:class:`hardware_profiles.onnx.parts.Composable`)."""
        return network_parts(self.body, self._running, self.geometry, example)

    def precision_policy(self) -> dict[str, str]:
        """Return the precision of every linear layer that is not float, by module path."""
        policy: dict[str, str] = {}
        for i, layer in enumerate(self.architecture.layers):
            for name, precision in (("mixer", layer.mixer_precision), ("channel", layer.channel_precision)):
                prefix = f"body.{name}_blocks.{i}"
                if precision != FLOAT:
                    linears = (m for m in self.get_submodule(prefix).named_modules() if isinstance(m[1], ElasticLinear))
                    policy |= {f"{prefix}.{path}": precision for path, _ in linears}
        return policy
