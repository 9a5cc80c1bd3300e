"""A short causal filter for each feature, as it stands before the recurrence of most state space models.

``y_i = bias + sum_t f_t x_(i - t)`` over the last ``kernel`` tokens. Shape legend: E features, k = kernel - 1.

Papers: Gu & Dao 2023, Mamba; Yang et al. 2024, Gated Delta Networks.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from supernet.blocks import MixerCall, State
from supernet.costs import Activations
from supernet.elastic import prefix

__all__ = ["FilteredHeads", "ShortConvolution", "depthwise"]


def depthwise(
    x_BLE: Tensor, filters_E1hw: Tensor, bias_E: Tensor | None = None, *, causal: bool, grid: tuple[int, int]
) -> Tensor:
    """Filter each feature over the tokens around each, or with causality over the last ones, ``(B, L, E)``.

    ``grid`` is the (height, width) of the tokens, (L, 1) of a sequence. They are a channels-last picture, so nothing is
    moved but what the padding of a causal filter copies.
    """
    height, width = filters_E1hw.shape[-2:]
    padding = (height // 2, width // 2)
    if causal:
        x_BLE, padding, grid = F.pad(x_BLE, (0, 0, height - 1, 0)), (0, 0), (grid[0] + height - 1, 1)
    x_BEhw = torch.unflatten(x_BLE, 1, grid).permute(0, 3, 1, 2)
    y_BEhw = F.conv2d(x_BEhw, filters_E1hw, bias_E, padding=padding, groups=filters_E1hw.shape[0])
    return y_BEhw.permute(0, 2, 3, 1).flatten(1, 2)


class ShortConvolution(nn.Module):
    """Up to ``features`` filters of ``kernel`` taps; the inputs' last axis decides how many are used."""

    __call__: Callable[..., Tensor]

    def __init__(self, features: int, kernel: int, *, bias: bool = True) -> None:
        super().__init__()
        self.kernel = kernel
        self.filters = nn.Parameter(torch.empty(features, 1, kernel, 1))
        self.bias = nn.Parameter(torch.empty(features)) if bias else None

    @staticmethod
    def costs(live: Activations, *, length: int, features: int, kernel: int) -> int:
        """Tell what :meth:`forward` makes and drops besides its input, and return its operations for one example."""
        live.make((length + kernel - 1) * features, length * features)
        live.drop((length + kernel - 1) * features)
        return 2 * length * features * kernel

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Draw filters and biases uniformly within ``1 / sqrt(kernel)``, as convolutions of PyTorch begin."""
        bound = self.kernel**-0.5
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound, generator=generator)

    def forward(self, x_BLE: Tensor) -> Tensor:
        """Filter ``(B, L, E)``."""
        length, features = x_BLE.shape[1:]
        bias = None if self.bias is None else prefix(self.bias, features)
        return depthwise(x_BLE, prefix(self.filters, features), bias, causal=True, grid=(length, 1))

    def step(self, x_B1E: Tensor, past_BkE: Tensor) -> tuple[Tensor, Tensor]:
        """Filter one more token; returns its result and the last inputs."""
        features = x_B1E.shape[-1]
        near_BtE = torch.cat([past_BkE, x_B1E], 1)
        y_B1E = (near_BtE * prefix(self.filters, features).flatten(1).T).sum(1, keepdim=True)
        y_B1E = y_B1E if self.bias is None else y_B1E + prefix(self.bias, features)
        return y_B1E, near_BtE[:, 1:]


class FilteredHeads(nn.Module):
    """A layer's q, k and v, filtered feature by feature and sent through ``silu``, ``(B, L, E)`` each.

    Parameters
    ----------
    features
        Width of all heads together.
    kernel, bias
        Of the filters, see :class:`ShortConvolution`.
    """

    def __init__(self, features: int, kernel: int, *, bias: bool = True) -> None:
        super().__init__()
        self.filters = nn.ModuleList(ShortConvolution(features, kernel, bias=bias) for _ in range(3))

    @staticmethod
    def costs(live: Activations, *, length: int, features: int, kernel: int) -> int:
        """Tell what :meth:`forward` makes and drops, q, k and v remaining; return its operations but the linears'."""
        flops, values = 0, length * features
        live.make(*3 * [values])
        for _ in range(3):
            flops += ShortConvolution.costs(live, length=length, features=features, kernel=kernel)
            live.turn(values, values)
        live.drop(*3 * [values])
        return flops

    def forward(self, x_BLD: Tensor, call: MixerCall) -> list[Tensor]:
        """Project, filter, activate."""
        return [
            F.silu(filtered(t_BHLK.transpose(1, 2).flatten(2)))
            for filtered, t_BHLK in zip(self.filters, call.qkv(x_BLD), strict=True)
        ]

    def step(self, x_B1D: Tensor, state: State, call: MixerCall) -> tuple[list[Tensor], State]:
        """Return q, k and v of one more token, ``(B, 1, E)`` each, and the last inputs."""
        results, after = [], []
        for i, (t_BH1K, past_BkE) in enumerate(zip(call.qkv(x_B1D), state, strict=True)):
            y_B1E, past_BkE = self._at(i).step(t_BH1K.transpose(1, 2).flatten(2), past_BkE)
            results.append(F.silu(y_B1E))
            after.append(past_BkE)
        return results, tuple(after)

    def _at(self, which: int) -> ShortConvolution:
        part = self.filters[which]
        assert isinstance(part, ShortConvolution)
        return part
