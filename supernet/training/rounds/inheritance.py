"""Begin a network with the weights of a trained one like it, drawn a part of the way back to random ones.

Blocks are those of one layer, by position and name. A size that differs is taken as its prefix along each axis, as a
supernet's subnets are. Nothing of the donor changes. A network that begins with all of a donor's weights learns fast
and ends worse than one that begins with random ones, for it fits the training split before what is new in it has
learned anything; one that begins between the two has the best of both.

Papers: Elsken et al. 2019 (LEMONADE: children of a search inherit their parents' weights); Cai et al. 2020 (prefixes);
Ash & Adams 2020 (arXiv:1910.08475: warm starts generalise worse; shrink and perturb).
"""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["inherit_weights"]


def inherit_weights(network: nn.Module, donor: nn.Module, *, share: float = 1.0) -> float:
    """Move what a network has in common with a donor by a share of the way to it, 1 to copy.

    Returns how much of its weights the network has in common with the donor, from 0 to 1.
    """
    source = dict(donor.named_parameters())
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
