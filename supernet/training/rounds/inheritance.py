"""Begin a network with the weights of a trained one like it, drawn a part of the way back to random ones.

Blocks are those of one layer, by position and name. A size that differs is taken as its prefix along each axis, as a
supernet's subnets are; what its variants of a block hold apart, such as filters of other lengths, is not taken. Nothing
of the donor changes. A network that begins with all of a donor's weights learns fast and ends worse than one that
begins with random ones, for it fits the training split before what is new in it has learned anything; one that begins
between the two has the best of both.

Papers: Elsken et al. 2019 (LEMONADE: children of a search inherit their parents' weights); Cai et al. 2020 (prefixes);
Ash & Adams 2020 (arXiv:1910.08475: warm starts generalise worse; shrink and perturb).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from search_space.blocks import layer_blocks
from search_space.options import as_options
from supernet.catalogue import CHANNEL_MIXERS, MIXERS
from supernet.layer import apart_options
from supernet.model import Network

__all__ = ["inherit_weights"]


def inherit_weights(network: nn.Module, donor: nn.Module, *, share: float = 1.0) -> float:
    """Move what a network has in common with a donor by a share of the way to it, 1 to copy.

    Returns how much of its weights the network has in common with the donor, from 0 to 1.
    """
    source = dict(donor.named_parameters())
    if isinstance(network, Network) and isinstance(donor, Network):
        for name in _held_apart(network, donor):
            source.pop(name, None)
    common = total = 0
    with torch.no_grad():
        for name, target in network.named_parameters():
            total += target.numel()
            if name in source and source[name].ndim == target.ndim:
                part = tuple(slice(min(sizes)) for sizes in zip(target.shape, source[name].shape, strict=True))
                if share == 1:  # whatever was there, were it not even a number
                    target[part].copy_(source[name][part])
                else:
                    target[part].lerp_(source[name][part], share)
                common += target[part].numel()
    return common / total


def _held_apart(network: Network, donor: Network) -> Iterator[str]:
    """Yield the names of weights whose shapes other options of the donor's block decide, and not by a prefix."""
    own, given = network.architecture, donor.architecture
    for i, layers in enumerate(zip(own.layers, given.layers, strict=False)):
        mine, theirs = (layer_blocks(la, embed_dim=own.embed_dim, float_precision="fp32") for la in layers)
        groups: list[tuple[str, Any]] = [("mixer_blocks", MIXERS), ("channel_blocks", CHANNEL_MIXERS)]
        for (group, registry), block, other in zip(groups, mine, theirs, strict=True):
            if block is None or other is None or block.key != other.key:
                continue
            nested = registry[block.key].spec.nested_options
            if apart_options(block, nested) == apart_options(other, nested):
                continue
            options = as_options((*block.options, *apart_options(other, nested)))
            like = replace(block, options=options)
            shapes = {n: p.shape for n, p in registry[block.key](network.geometry.shape(like)).named_parameters()}
            path = f"body.{group}.{i}.mixers.{block.key}"
            for name, parameter in network.get_submodule(path).named_parameters():
                if shapes.get(name) != parameter.shape:
                    yield f"{path}.{name}"
