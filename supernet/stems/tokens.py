"""An embedding for each token id and a learned position for each place: bytes, words or pieces of words.

``x_l = E[id_l] + p_l``; id 0 is padding where the task is padded.

Paper: Vaswani et al. 2017, Attention Is All You Need (learned positions: Gehring et al. 2017).
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from search_space.spec import BlockShape, BlockSpec, Cost
from supernet.stems import bare_tokens
from supernet.stems.bare_tokens import DEVIATION, OPTIONS, BareTokens, check


def cost(shape: BlockShape) -> Cost:
    """Two tables, nothing to multiply."""
    length, width, table = shape.task.seq_len, shape.embed_dim, bare_tokens.cost(shape)
    return replace(
        table,
        other_params=table.other_params + length * width,
        peak_activations=max(table.peak_activations, length + 2 * length * width),
    )


class Tokens(BareTokens):
    """``(B, L)`` ids to ``(B, L, D)``; L may be shorter than the task's."""

    spec = BlockSpec(
        key="tokens",
        kind="stem",
        cost=cost,
        paper="Attention Is All You Need (2017)",
        has_linears=False,
        has_norm=False,
        options=OPTIONS,
        later_options=frozenset(OPTIONS),
        check=check,
    )

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(shape)
        self.position = nn.Parameter(torch.empty(shape.task.seq_len, shape.embed_dim))

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Draw ids and positions, as small."""
        super().reset_parameters(generator)
        nn.init.trunc_normal_(self.position, std=DEVIATION, generator=generator)

    def forward(self, batch: Tensor, *, embed_dim: int) -> Tensor:
        """Look up, add positions."""
        return super().forward(batch, embed_dim=embed_dim) + self.position[: batch.shape[1], :embed_dim]

    def step(self, batch_B1: Tensor, *, embed_dim: int, position: Tensor) -> Tensor:
        """Look up, add the position."""
        x_B1D = super().step(batch_B1, embed_dim=embed_dim, position=position)
        return x_B1D + self.position[:, :embed_dim].index_select(0, position.reshape(1))


BLOCK = Tokens
