"""A short filter for each feature between two gates, all of them linear in the token: the convolution of LFM2.

``y = W_O (W_C x * (f * (W_B x * W_V x)))`` with one filter of ``kernel`` taps a feature, over the last tokens when the
task is causal, else around each; ``kernel x kernel`` on a grid.

Papers: Amini et al. 2025, LFM2 Technical Report; Thomas et al. 2024, STAR: Synthesis of Tailored Architectures.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from search_space.spec import BlockShape, BlockSpec, Cost, LinearShape, Scalar, StateShapes
from supernet.blocks import MixerCall, State, TokenMixer
from supernet.costs import Activations
from supernet.elastic import ElasticLinear, prefix
from supernet.options import integer_option, integer_problem
from supernet.recurrence.short_convolution import depthwise

OPTIONS: dict[str, Scalar] = {"kernel": 3}


def _grid(shape: BlockShape) -> tuple[int, int] | None:
    """Return the grid on which filters are squares, if any."""
    return None if shape.task.causal else shape.task.grid


def cost(shape: BlockShape) -> Cost:
    """Four linears and a filter a feature."""
    length, width, causal = shape.task.seq_len, shape.embed_dim, shape.task.causal
    kernel = integer_option(shape, OPTIONS, "kernel")
    values, taps = length * width, kernel if _grid(shape) is None else kernel**2
    padded = (length + kernel - 1) * width if causal else 0
    live = Activations(2 * values)
    live.make(values, values, values)
    live.drop(2 * values)
    if shape.task.padded and not causal:
        live.turn(values, values)
    live.make(padded, values)
    live.drop(padded + values)
    live.make(values, values)
    live.drop(2 * values)
    live.make(values)
    return Cost(
        linears=4 * (LinearShape(in_features=width, out_features=width, tokens=length),),
        other_params=2 * width + width * taps,
        other_flops=2 * values * taps,
        peak_activations=live.peak,
    )


def state(shape: BlockShape) -> StateShapes:
    """What was filtered of the last tokens, ``(kernel - 1, D)``."""
    return ((integer_option(shape, OPTIONS, "kernel") - 1, shape.embed_dim),)


class GatedShortConv(TokenMixer):
    """``(B, L, D)`` gated, filtered feature by feature, gated again."""

    spec = BlockSpec(
        key="gated_short_conv",
        kind="mixer",
        cost=cost,
        state=state,
        paper="LFM2 (2025)",
        options=OPTIONS,
        check=lambda shape: integer_problem(shape, OPTIONS, "kernel", odd=True),
    )

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(shape)
        width, kernel, grid = shape.embed_dim, integer_option(shape, OPTIONS, "kernel"), _grid(shape)
        self.grid = grid or (shape.task.seq_len, 1)
        self.gate_in, self.gate_out = ElasticLinear(width, width), ElasticLinear(width, width)
        self.value, self.out = ElasticLinear(width, width), ElasticLinear(width, width)
        self.filters = nn.Parameter(torch.empty(width, 1, kernel, kernel if grid else 1))

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Draw filters of variance one over their taps."""
        nn.init.trunc_normal_(self.filters, std=self.filters[0].numel() ** -0.5, generator=generator)

    def forward(self, x_BLD: Tensor, call: MixerCall) -> Tensor:
        """Gate, filter, gate, project."""
        width, causal = x_BLD.shape[-1], self.shape.task.causal
        h_BLD = self._gated(x_BLD, call)
        if call.mask_BL is not None and not causal:  # padding is zero, as what lies outside is
            h_BLD = h_BLD * call.mask_BL.to(h_BLD.dtype)[..., None]
        h_BLD = depthwise(h_BLD, prefix(self.filters, width), causal=causal, grid=self.grid)
        return self._finish(h_BLD, x_BLD, call)

    def _gated(self, x_BLD: Tensor, call: MixerCall) -> Tensor:
        width = x_BLD.shape[-1]
        return self.gate_in(x_BLD, width, call.precision) * self.value(x_BLD, width, call.precision)

    def _finish(self, h_BLD: Tensor, x_BLD: Tensor, call: MixerCall) -> Tensor:
        width = x_BLD.shape[-1]
        return self.out(self.gate_out(x_BLD, width, call.precision) * h_BLD, width, call.precision)

    def step(self, x_B1D: Tensor, state: State, call: MixerCall, *, position: Tensor) -> tuple[Tensor, State]:
        """Gate, weigh the last ``kernel`` tokens, gate, project."""
        near_BtD = torch.cat([*state, self._gated(x_B1D, call)], 1)
        h_B1D = (near_BtD * prefix(self.filters, x_B1D.shape[-1]).flatten(1).T).sum(1, keepdim=True)
        return self._finish(h_B1D, x_B1D, call), (near_BtD[:, 1:],)


BLOCK = GatedShortConv
