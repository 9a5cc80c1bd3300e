"""Two linear layers with a GELU between them; the hidden width is elastic and nested.

``y = W2 gelu(W1 x)``

Papers: Vaswani et al. 2017; Devvrit et al. 2023 (MatFormer: nested hidden widths).
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from search_space.precision import FLOAT
from search_space.spec import BlockShape, BlockSpec, Cost, LinearShape
from supernet.blocks import ChannelMixer
from supernet.elastic import ElasticLinear


def cost(shape: BlockShape) -> Cost:
    """Two linears over every token."""
    length, width, hidden = shape.task.seq_len, shape.embed_dim, shape.hidden_dim
    return Cost(
        linears=(
            LinearShape(in_features=width, out_features=hidden, tokens=length),
            LinearShape(in_features=hidden, out_features=width, tokens=length),
        ),
        other_params=2 * width,
        peak_activations=length * (2 * width + hidden + max(hidden, width)),
    )


class MLP(ChannelMixer):
    """The transformer's feed-forward network."""

    spec = BlockSpec(
        key="mlp", kind="channel_mixer", cost=cost, paper="Attention Is All You Need (2017)", has_ratio=True
    )

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(shape)
        self.up = ElasticLinear(shape.embed_dim, shape.hidden_dim)
        self.down = ElasticLinear(shape.hidden_dim, shape.embed_dim)

    def forward(self, x_BLD: Tensor, *, hidden_dim: int = 0, precision: str = FLOAT) -> Tensor:
        """Expand, activate, contract."""
        h_BLF = F.gelu(self.up(x_BLD, hidden_dim, precision))
        return self.down(h_BLF, x_BLD.shape[-1], precision)  # type: ignore[no-any-return]


BLOCK = MLP
