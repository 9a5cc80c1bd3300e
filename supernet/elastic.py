"""Elastic layers: the largest weights, of which a subnet uses a prefix along each axis.

A slice is a view, never a copy, and where the size is the full one no slice is made: the same module is the elastic
layer of a supernet and the plain layer of an extracted network.

Papers: Cai et al. 2020 (Once-for-All); Yu et al. 2019 (slimmable networks); Zhang & Sennrich 2019 (RMSNorm).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from search_space.norm import Norm
from search_space.precision import FLOAT
from supernet.precision import simulate_input, simulate_weight

__all__ = ["ElasticLayerNorm", "ElasticLinear", "ElasticRMSNorm", "elastic_norm", "prefix", "reset_parameters"]


def prefix(parameter: Tensor, *sizes: int) -> Tensor:
    """Return the view of the first ``sizes`` entries along the leading axes."""
    for axis, size in enumerate(sizes):
        if size != parameter.shape[axis]:
            parameter = parameter.narrow(axis, 0, size)
    return parameter


class ElasticLinear(nn.Module):
    """A linear layer of any smaller size, in any precision; the inputs' last axis decides ``in_features``.

    ``input_limit`` is the largest input of a calibrated precision, of a network that has one here. ``pruned`` is how
    far a sparse precision has taken the weights that it does not keep to zero; training lets it rise from 0.
    """

    __call__: Callable[..., Tensor]  # what :meth:`forward` returns, where torch says ``Any``
    input_limit: Tensor | None
    pruned: float = 1.0

    def __init__(self, in_features: int, out_features: int, *, bias: bool = True) -> None:
        super().__init__()
        self.register_buffer("input_limit", None)
        self.weight = nn.Parameter(torch.empty(out_features, in_features))
        self.bias = nn.Parameter(torch.empty(out_features)) if bias else None

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Draw the weight with variance ``1 / in_features``; zero the bias."""
        nn.init.trunc_normal_(self.weight, std=self.weight.shape[1] ** -0.5, generator=generator)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def forward(self, x: Tensor, out_features: int, precision: str = FLOAT, *, input_simulated: bool = False) -> Tensor:
        """Map ``(..., in)`` to ``(..., out_features)``.

        ``input_simulated`` says that ``x`` went through :meth:`simulate_input` already, of this or another layer that
        reads it.
        """
        if not input_simulated:
            x = self.simulate_input(x, precision)
        weight = simulate_weight(prefix(self.weight, out_features, x.shape[-1]), precision, pruned=self.pruned)
        return F.linear(x, weight, None if self.bias is None else prefix(self.bias, out_features))

    def simulate_input(self, x: Tensor, precision: str) -> Tensor:
        """Return ``(..., in)`` as an integer kernel sees it."""
        return simulate_input(x, precision, limit=self.input_limit)


class ElasticLayerNorm(nn.Module):
    """Layer normalisation over the features that are present."""

    __call__: Callable[..., Tensor]

    def __init__(self, features: int, *, eps: float = Norm().eps) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.empty(features))
        self.bias = nn.Parameter(torch.empty(features))

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Set scale one and shift zero."""
        nn.init.ones_(self.weight)
        nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise the last axis of ``(..., D)``."""
        size = x.shape[-1]
        return F.layer_norm(x, (size,), prefix(self.weight, size), prefix(self.bias, size), self.eps)


class ElasticRMSNorm(nn.Module):
    """Division by the root mean square of the features that are present: ``w x / sqrt(mean(x^2) + eps)``."""

    __call__: Callable[..., Tensor]

    def __init__(self, features: int, *, eps: float = Norm().eps) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.empty(features))

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Set scale one."""
        nn.init.ones_(self.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise the last axis of ``(..., D)``."""
        size = x.shape[-1]
        return F.rms_norm(x, (size,), prefix(self.weight, size).to(x.dtype), self.eps)


def elastic_norm(features: int, norm: Norm) -> ElasticLayerNorm | ElasticRMSNorm:
    """Return the norm that a space chose, over up to ``features`` features."""
    kind = ElasticLayerNorm if norm.kind == "layernorm" else ElasticRMSNorm
    return kind(features, eps=norm.eps)


def reset_parameters(module: nn.Module, generator: torch.Generator) -> None:
    """Initialise every elastic layer and block of a module, in order, from one generator."""
    for part in module.modules():
        reset = getattr(part, "reset_parameters", None)
        if reset is not None:
            reset(generator)
