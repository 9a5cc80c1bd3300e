"""Extraction: the plain network of an architecture, cut out of the supernet.

Every elastic parameter is used by its prefix along each axis, so the shapes of the small network say what to copy. Its
layers are the first ones of the supernet, or those that are named: the ones that a checkpoint misses least.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import nn

from hardware_profiles.onnx.parts import Part
from search_space import Architecture, Block, Geometry
from search_space.blocks import layer_of
from search_space.precision import FLOAT
from supernet.composing.parts import block_inner, block_parts
from supernet.elastic import ElasticLinear, reset_parameters
from supernet.layer import Variants
from supernet.model import Network, Supernet

__all__ = ["BlockModule", "block_module", "extract"]


def extract(
    supernet: Supernet,
    architecture: Architecture,
    *,
    simulate_precision: bool = True,
    layers: Sequence[int] | None = None,
) -> Network:
    """Return a network of its own weights that equals ``supernet(batch, architecture)`` in outputs and gradients.

    With ``layers``, the places of as many layers of the supernet as the architecture has, it equals the supernet in
    which the others are left out.
    """
    if layers is not None and len(layers) != architecture.depth:
        raise ValueError(f"{architecture.depth} layers are wanted, {len(layers)} are named")
    supernet.space.validate(architecture)
    network = Network(architecture, supernet.space.geometry, simulate_precision=simulate_precision)
    network = network.to(next(supernet.parameters()))
    source = dict(supernet.named_parameters(remove_duplicate=False))
    moved = _moved(supernet, architecture, range(architecture.depth) if layers is None else layers)
    with torch.no_grad():
        for name, target in network.named_parameters():
            stored = source[_path_of(name, moved)][tuple(slice(size) for size in target.shape)]
            if stored.shape != target.shape:  # copying would repeat what is there
                raise ValueError(f"{name} is no prefix of the supernet's")
            target.copy_(stored)
    return network.train(supernet.training)


def _path_of(name: str, moved: Mapping[str, str]) -> str:
    """Return the name in the supernet of a parameter of a network, by the beginnings that differ."""
    return next((theirs + name[len(own) :] for own, theirs in moved.items() if name.startswith(own)), name)


def _moved(supernet: Supernet, architecture: Architecture, places: Sequence[int]) -> dict[str, str]:
    """Return where a supernet has the weights of layers at other places, and of variants: beginnings of names."""
    paths = {}
    for i, (layer, place) in enumerate(zip(architecture.layers, places, strict=True)):
        for group, key, options in (
            ("mixer_blocks", layer.mixer, layer.mixer_options),
            ("channel_blocks", layer.channel_mixer, layer.channel_options),
        ):
            own, theirs = f"body.{group}.{i}.", f"body.{group}.{place}."
            if options:  # of a network's one variant the name is the block's
                variants = supernet.get_submodule(f"{theirs}mixers")
                assert isinstance(variants, Variants)
                paths[f"{own}mixers.{key}."] = f"{theirs}mixers.{variants.name_of(key, options)}."
            if i != place:
                paths[own] = theirs
    return paths


class BlockModule(nn.Module):
    """One block as a module of a single input, for profiling."""

    def __init__(self, block: Block, geometry: Geometry) -> None:
        super().__init__()
        self.block, self.geometry, self.padded = block, geometry, geometry.task.padded
        self.inner = block_inner(block, geometry)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Run the block at its own sizes."""
        block = self.block
        # A comparison of the input, so that exporters keep the masked form instead of folding a constant mask.
        mask_BL = x[..., 0] < torch.inf if self.padded and block.kind in ("mixer", "head") else None
        if block.kind == "stem":
            return self.inner(x, embed_dim=block.embed_dim)  # type: ignore[no-any-return]
        if block.kind == "head":
            return self.inner(x, mask_BL=mask_BL)  # type: ignore[no-any-return]
        inputs = (x, layer_of(block)) if mask_BL is None else (x, layer_of(block), mask_BL)
        return self.inner(*inputs)  # type: ignore[no-any-return]

    def parts(self, example: torch.Tensor) -> list[Part] | None:
        """Return what its graph is put together from (:class:`hardware_profiles.onnx.parts.Composable`)."""
        return block_parts(self.inner, self.block, self.geometry, example)

    def precision_policy(self) -> dict[str, str]:
        """Return the precision of every linear layer by module path; empty for a float block."""
        if self.block.precision == FLOAT:
            return {}
        return {name: self.block.precision for name, m in self.named_modules() if isinstance(m, ElasticLinear)}


def block_module(block: Block, geometry: Geometry, *, generator: torch.Generator) -> BlockModule:
    """Build one block alone, in float, with random weights: what the profiler measures.

    Its input is an example of the task for a stem and ``(B, L, D)`` tokens for any other block.
    """
    module = BlockModule(block, geometry)
    reset_parameters(module, generator)
    return module.eval()
