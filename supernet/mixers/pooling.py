"""Average pooling minus identity: the simplest token mixer, without any parameter.

``y_i = mean_{j near i} x_j - x_i`` over ``size x size`` tokens of the grid, or ``size`` tokens of a sequence; places
outside, and padding, do not count.

Paper: Yu et al. 2022, MetaFormer Is Actually What You Need for Vision (PoolFormer).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from search_space.spec import BlockShape, BlockSpec, Cost, Scalar
from supernet.blocks import MixerCall, TokenMixer
from supernet.options import integer_option, integer_problem

OPTIONS: dict[str, Scalar] = {"size": 3}


def cost(shape: BlockShape) -> Cost:
    """The norm alone has parameters."""
    length, width = shape.task.seq_len, shape.embed_dim
    return Cost(other_params=2 * width, peak_activations=4 * length * width)


class Pooling(TokenMixer):
    """``(B, L, D)`` averages of neighbours."""

    spec = BlockSpec(
        key="pooling",
        kind="mixer",
        cost=cost,
        paper="MetaFormer Is Actually What You Need for Vision (2022)",
        causal=False,
        has_linears=False,
        options=OPTIONS,
        check=lambda shape: integer_problem(shape, OPTIONS, "size", odd=True),
    )

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(shape)
        size = integer_option(shape, OPTIONS, "size")
        self.grid = shape.task.grid or (shape.task.seq_len, 1)
        self.kernel = (size, size if shape.task.grid else 1)

    def forward(self, x_BLD: Tensor, call: MixerCall) -> Tensor:
        """Average, subtract."""
        if call.mask_BL is None:
            return self._mean(x_BLD) - x_BLD
        real_BL1 = call.mask_BL.to(x_BLD.dtype)[..., None]
        # Both means are over the same places; padding counts in neither quotient, and the clamp is for padding's own.
        return self._mean(x_BLD * real_BL1) / self._mean(real_BL1).clamp(min=1e-6) - x_BLD

    def _mean(self, x_BLD: Tensor) -> Tensor:
        """Average over near places; the grid is a channels-last view of the tokens, so nothing is moved."""
        x_BDhw = torch.unflatten(x_BLD, 1, self.grid).permute(0, 3, 1, 2)
        padding = (self.kernel[0] // 2, self.kernel[1] // 2)
        mean_BDhw = F.avg_pool2d(x_BDhw, self.kernel, stride=1, padding=padding, count_include_pad=False)
        return mean_BDhw.permute(0, 2, 3, 1).flatten(1, 2)


BLOCK = Pooling
