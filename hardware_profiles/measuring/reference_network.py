"""The fixed network that is a profile's yardstick; its graph is kept on disk, as those of blocks are."""

from __future__ import annotations

import json
from collections.abc import Sequence

import torch
from torch import Generator, Tensor, nn

from hardware_profiles.onnx.export import INPUT, OUTPUT
from hardware_profiles.onnx.parts import INNER, Part

__all__ = ["reference_network", "reference_part"]

_TOKENS, _WIDTH, _DEPTH = 32, 64, 3


class _FeedForward(nn.Module):
    """Feed-forward blocks, one after the other."""

    def __init__(self, *, width: int, depth: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for _ in range(depth):
            layers += [nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)]
        self.inner = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.inner(x)
        return result

    def parts(self, example: Tensor) -> Sequence[Part]:
        """Return the network as one part."""
        shape = (2, *example.shape[1:])
        return [
            Part(
                name="reference",
                recipe=json.dumps({"reference": str(self), "shape": shape}),
                module=self,
                path=INNER,
                inputs=(INPUT,),
                outputs=(OUTPUT,),
                example=lambda generator: (torch.randn(shape, generator=generator),),
            )
        ]


def reference_part() -> Part:
    """Return the network as what is exported of it."""
    network, example = reference_network()
    (part,) = network.parts(example)
    return part


def reference_network() -> tuple[_FeedForward, Tensor]:
    """Return the network, of fixed weights and in evaluation mode, and an example, ``(1, tokens, width)``."""
    with torch.random.fork_rng(devices=[]):  # the layers' own initialisation draws from the global generator
        module = _FeedForward(width=_WIDTH, depth=_DEPTH)
    module.eval()
    generator = Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) / _WIDTH**0.5)
    return module, torch.randn((1, _TOKENS, _WIDTH), generator=generator)
