"""Begin a network with the weights of a trained one like it: what both have is copied, the rest is drawn.

Blocks are those of one layer, by position and name. A size that differs is taken as its prefix along each axis, as a
supernet's subnets are. Nothing of the donor changes.

Papers: Elsken et al. 2019 (LEMONADE: children of a search inherit their parents' weights); Cai et al. 2020 (prefixes).
"""

from __future__ import annotations

import torch

from supernet.model import Network

__all__ = ["inherit_weights"]


def inherit_weights(network: Network, donor: Network) -> float:
    """Copy what a network shares with a donor into it; returns the share of its weights that were copied."""
    source = dict(donor.named_parameters())
    copied = total = 0
    with torch.no_grad():
        for name, target in network.named_parameters():
            total += target.numel()
            if name in source and source[name].ndim == target.ndim:
                part = tuple(slice(min(sizes)) for sizes in zip(target.shape, source[name].shape, strict=True))
                target[part] = source[name][part]
                copied += target[part].numel()
    return copied / total
