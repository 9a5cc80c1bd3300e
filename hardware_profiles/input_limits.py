"""The input ranges of linear layers whose precision is calibrated."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["input_limits"]


def input_limits(module: nn.Module, example: Tensor) -> dict[str, float]:
    """Return the largest magnitude of each linear layer's inputs, by module path.

    It is what the layer's ``input_limit`` says. Where that is ``None`` or 0, as in a block that is only profiled, it is
    found on the example, ``(B, ...)``.
    """
    layers = {p: m for p, m in module.named_modules() if isinstance(m, nn.Linear) or hasattr(m, "input_limit")}
    limits = {path: float(getattr(layer, "input_limit", None) or 0) for path, layer in layers.items()}

    def watch(path: str, inputs: tuple[Tensor, ...]) -> None:
        limits[path] = max(limits[path], float(inputs[0].abs().amax()))

    hooks = [
        layer.register_forward_pre_hook(lambda _, inputs, path=path: watch(path, inputs))
        for path, layer in layers.items()
        if limits[path] == 0
    ]
    if hooks:
        with torch.no_grad():
            module(example)
        for hook in hooks:
            hook.remove()
    return limits
