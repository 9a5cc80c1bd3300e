"""Which layers of a trained network a shallower one keeps: those without which it would change most.

From the whole network on, the layer is left out without which the outputs on some examples differ least from the whole
one's, then the next one: greedily, for what a layer is worth depends on which others are there. So the best ``d``
layers are known for every depth ``d``, and they may stand anywhere.

Papers: Men et al. 2024, arXiv:2403.03853 (ShortGPT: layers differ in what they are worth); Sajjad et al. 2023,
arXiv:2004.03844 (which layers of BERT to drop).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from search_space import Architecture, Layer
from search_space.architecture import IDENTITY
from supernet.model import Network
from supernet.tasks import TaskData

__all__ = ["EXAMPLES", "best_layers", "without_layers"]

EXAMPLES = 200
_SEED = 2
_IDLE = Layer(mixer=IDENTITY, channel_mixer=IDENTITY)


def without_layers(architecture: Architecture, kept: Sequence[int]) -> Architecture:
    """Return an architecture in which the layers that are not kept do nothing: no space's own, but one that runs."""
    layers = tuple(layer if i in kept else _IDLE for i, layer in enumerate(architecture.layers))
    return replace(architecture, layers=layers)


def best_layers(network: Network, data: TaskData, *, examples: int = EXAMPLES) -> Mapping[int, tuple[int, ...]]:
    """Return the places of the layers that a network of each depth keeps, in rising order.

    Parameters
    ----------
    network
        Trained, in evaluation mode.
    data
        Whose validation split judges.
    examples
        So many of it, drawn under a fixed seed.
    """
    drawn = torch.randperm(len(data.validation), generator=torch.Generator().manual_seed(_SEED))[:examples]
    device = next(network.parameters()).device
    inputs, targets = (part.to(device) for part in data.validation.batch(drawn))

    def outputs(kept: Sequence[int]) -> Tensor:
        given: Tensor = network.body(inputs, without_layers(network.architecture, kept))
        return given

    kept = tuple(range(network.architecture.depth))
    found = {len(kept): kept}
    with torch.inference_mode():
        whole = outputs(kept)
        while len(kept) > 1:
            shorter = [kept[:i] + kept[i + 1 :] for i in range(len(kept))]
            kept = min(shorter, key=lambda rest: float(data.soft_loss(outputs(rest), whole, targets)))
            found[len(kept)] = kept
    return found
