"""Calibration: the input ranges of the layers of a network that quantises its inputs in ranges found beforehand.

A range is the mean, over examples of the training split, of the largest magnitude in each: what the simulation takes
for every example while no range is known.

Paper: Jacob et al. 2018 (averaged activation ranges).
"""

from __future__ import annotations

from collections import defaultdict

import torch
from torch import Tensor, nn

from supernet.elastic import ElasticLinear
from supernet.model import Network
from supernet.tasks import TaskData

__all__ = ["calibrate", "is_calibrated"]

_EXAMPLES, _BATCH_SIZE = 256, 64


def is_calibrated(network: Network) -> bool:
    """Whether a layer of the network has an input range."""
    return bool(_layers(network))


def calibrate(network: Network, data: TaskData) -> Network:
    """Set the input range of every layer of a calibrated precision, in place; returns the network.

    Inputs of examples that lie evenly in the training split are read, without augmentation.
    """
    layers = _layers(network)
    if not layers:
        return network
    largest: dict[ElasticLinear, list[Tensor]] = defaultdict(list)

    def watch(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(layer, ElasticLinear)
        largest[layer].append(inputs[0].abs().flatten(1).amax(1))

    for layer in layers:
        layer.input_limit = torch.zeros_like(layer.weight[0, 0])
    hooks = [layer.register_forward_pre_hook(watch) for layer in layers]
    rows = torch.linspace(0, len(data.train) - 1, min(_EXAMPLES, len(data.train))).long()
    training, device = network.training, layers[0].weight.device
    network.eval()
    with torch.no_grad():
        for some in torch.split(rows, _BATCH_SIZE):
            inputs, _ = data.train.batch(some)
            network(inputs.to(device))
    for hook in hooks:
        hook.remove()
    for layer in layers:
        layer.input_limit = torch.cat(largest[layer]).mean()
    return network.train(training)


def _layers(network: Network) -> list[ElasticLinear]:
    return [m for m in network.modules() if isinstance(m, ElasticLinear) and m.input_limit is not None]
