"""Short causal filters as loops, which the recurrences of several mixers begin with."""

from __future__ import annotations

import torch
from torch import Tensor


def filtered(x: Tensor, convolution: torch.nn.Module) -> Tensor:
    """Return ``silu`` of each feature of ``(B, L, E)`` filtered over the last tokens, one token after the other."""
    taps = convolution.filters[:, 0, :, 0]
    rows = []
    for t in range(x.shape[1]):
        row = torch.zeros_like(x[:, 0]) if convolution.bias is None else convolution.bias.expand(len(x), -1)
        for ago in range(min(convolution.kernel, t + 1)):
            row = row + taps[:, -1 - ago] * x[:, t - ago]
        rows.append(row / (1 + torch.exp(-row)))
    return torch.stack(rows, 1)


def filtered_heads(x: Tensor, projections: torch.nn.Module, heads: torch.nn.Module, num_heads: int) -> list[Tensor]:
    """Return q, k and v, ``(B, L, H, K)`` each, projected and filtered."""
    linears = (projections.q, projections.k, projections.v)
    return [
        filtered(x @ p.weight.T + p.bias, f).unflatten(2, (num_heads, -1))
        for p, f in zip(linears, heads.filters, strict=True)
    ]
