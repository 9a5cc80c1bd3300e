"""A feed-forward network over the tokens of each feature, the same for all features.

``y = (W2 gelu(W1 x^T))^T`` with ``expansion * L`` hidden numbers a feature. The weights belong to places in the
sequence, so there is no causal form. Padding counts as zero.

Papers: Tolstikhin et al. 2021, MLP-Mixer; Ekambaram et al. 2023, TSMixer (series).
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from search_space.spec import BlockShape, BlockSpec, Cost, LinearShape, Scalar
from supernet.blocks import MixerCall, TokenMixer
from supernet.elastic import ElasticLinear
from supernet.options import integer_option, integer_problem

OPTIONS: dict[str, Scalar] = {"expansion": 2}


def cost(shape: BlockShape) -> Cost:
    """Two linears over the tokens of each feature."""
    length, width = shape.task.seq_len, shape.embed_dim
    hidden = integer_option(shape, OPTIONS, "expansion") * length
    masked = length if shape.task.padded else 0
    return Cost(
        linears=(
            LinearShape(in_features=length, out_features=hidden, tokens=width),
            LinearShape(in_features=hidden, out_features=length, tokens=width),
        ),
        other_params=2 * width,
        peak_activations=width * (2 * length + masked + hidden + max(hidden, length)),
    )


class TokenMLP(TokenMixer):
    """``(B, L, D)`` mixed along L."""

    spec = BlockSpec(
        key="token_mlp",
        kind="mixer",
        length_bound=True,
        cost=cost,
        paper="MLP-Mixer (2021)",
        causal=False,
        options=OPTIONS,
        nested_options=frozenset(OPTIONS),
        check=lambda shape: integer_problem(shape, OPTIONS, "expansion"),
    )

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(shape)
        length = shape.task.seq_len
        self.hidden = integer_option(shape, OPTIONS, "expansion") * length
        self.up = ElasticLinear(length, self.hidden)
        self.down = ElasticLinear(self.hidden, length)

    def forward(self, x_BLD: Tensor, call: MixerCall) -> Tensor:
        """Expand each feature's tokens, activate, contract."""
        length = x_BLD.shape[1]
        real_BLD = x_BLD if call.mask_BL is None else x_BLD * call.mask_BL[..., None].to(x_BLD.dtype)
        h_BDS = self.up(real_BLD.mT, self.hidden, call.precision)
        del real_BLD
        h_BDS = F.gelu(h_BDS)
        return self.down(h_BDS, length, call.precision).mT


BLOCK = TokenMLP
