"""Inverted separable convolution: expand, activate, mix each feature over near tokens, contract.

``y = W2 (K * relu(W1 x)^2)`` with one ``kernel x kernel`` filter a feature on the grid, or ``kernel`` tokens of a
sequence (the last ones when the task is causal). The paper's StarReLU is ``s relu(x)^2 + b``: K takes up s, and away
from the borders the bias of W2 takes up b.

Papers: Yu et al. 2022, MetaFormer Baselines for Vision (ConvFormer); Sandler et al. 2018 (MobileNetV2).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from search_space.spec import BlockShape, BlockSpec, Cost, LinearShape, Scalar, StateShapes
from supernet.blocks import MixerCall, State, TokenMixer
from supernet.elastic import ElasticLinear, prefix
from supernet.options import integer_option, integer_problem
from supernet.recurrence.short_convolution import depthwise

OPTIONS: dict[str, Scalar] = {"expansion": 2, "kernel": 3}


def check(shape: BlockShape) -> str | None:
    """Kernels are centred, hence odd."""
    return integer_problem(shape, OPTIONS, "expansion") or integer_problem(shape, OPTIONS, "kernel", odd=True)


def _on_grid(shape: BlockShape) -> bool:
    return shape.task.grid is not None and not shape.task.causal


def cost(shape: BlockShape) -> Cost:
    """Two linears and a filter a feature."""
    length, width = shape.task.seq_len, shape.embed_dim
    hidden = integer_option(shape, OPTIONS, "expansion") * width
    kernel = integer_option(shape, OPTIONS, "kernel")
    taps = kernel**2 if _on_grid(shape) else kernel
    padding = hidden * (kernel - 1) if shape.task.causal else 0
    return Cost(
        linears=(
            LinearShape(in_features=width, out_features=hidden, tokens=length),
            LinearShape(in_features=hidden, out_features=width, tokens=length),
        ),
        other_params=2 * width + hidden * taps,
        other_flops=2 * length * hidden * taps,
        peak_activations=2 * length * (width + hidden) + padding,
    )


def state(shape: BlockShape) -> StateShapes:
    """The activations of the last tokens, ``(kernel - 1, M)``."""
    expansion, kernel = (integer_option(shape, OPTIONS, name) for name in OPTIONS)
    return ((kernel - 1, expansion * shape.embed_dim),)


class DepthwiseConv(TokenMixer):
    """``(B, L, D)`` convolved feature by feature, M = expansion * D features."""

    spec = BlockSpec(
        key="depthwise_conv",
        kind="mixer",
        cost=cost,
        state=state,
        paper="MetaFormer Baselines for Vision (2022)",
        options=OPTIONS,
        nested_options=frozenset({"expansion"}),
        check=check,
    )

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(shape)
        self.expansion, kernel = (integer_option(shape, OPTIONS, name) for name in ("expansion", "kernel"))
        self.grid = (shape.task.seq_len, 1)
        if _on_grid(shape):
            assert shape.task.grid is not None
            self.grid = shape.task.grid
        hidden = self.expansion * shape.embed_dim
        self.up = ElasticLinear(shape.embed_dim, hidden)
        self.filters = nn.Parameter(torch.empty(hidden, 1, kernel, kernel if _on_grid(shape) else 1))
        self.down = ElasticLinear(hidden, shape.embed_dim)

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Draw filters of variance one over their taps."""
        nn.init.trunc_normal_(self.filters, std=self.filters[0].numel() ** -0.5, generator=generator)

    def forward(self, x_BLD: Tensor, call: MixerCall) -> Tensor:
        """Expand, convolve, contract."""
        width = x_BLD.shape[-1]
        hidden = self.expansion * width
        y_BLM = depthwise(
            self._activations(x_BLD, hidden, call),
            prefix(self.filters, hidden),
            causal=self.shape.task.causal,
            grid=self.grid,
        )
        return self.down(y_BLM, width, call.precision)

    def _activations(self, x_BLD: Tensor, hidden: int, call: MixerCall) -> Tensor:
        h_BLM = F.relu(self.up(x_BLD, hidden, call.precision)).square()
        if call.mask_BL is None or self.shape.task.causal:
            return h_BLM
        return h_BLM * call.mask_BL.to(h_BLM.dtype)[..., None]  # padding is zero, as what lies outside is

    def step(self, x_B1D: Tensor, state: State, call: MixerCall, *, position: Tensor) -> tuple[Tensor, State]:
        """Expand, weigh the last ``kernel`` activations, contract."""
        width = x_B1D.shape[-1]
        hidden = self.expansion * width
        window_BkM = torch.cat([*state, self._activations(x_B1D, hidden, call)], 1)
        y_B1M = (window_BkM * prefix(self.filters, hidden).flatten(1).T).sum(1, keepdim=True)
        return self.down(y_B1M, width, call.precision), (window_BkM[:, 1:],)


BLOCK = DepthwiseConv
