"""An embedding for each token id and a learned position for each place, normalised: what a post-norm encoder reads.

``x_l = norm(E[id_l] + p_l)``; id 0 is padding where the task is padded.

Paper: Devlin et al. 2019, BERT.
"""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from search_space.spec import BlockShape, BlockSpec, Cost
from supernet.elastic import elastic_norm
from supernet.stems import tokens
from supernet.stems.bare_tokens import OPTIONS, check


def cost(shape: BlockShape) -> Cost:
    """Those of tokens, and a norm."""
    length, width, plain = shape.task.seq_len, shape.embed_dim, tokens.cost(shape)
    return replace(
        plain,
        other_params=plain.other_params + 2 * width,
        peak_activations=plain.peak_activations + 2 * length,  # mean and deviation beside the sum and its norm
    )


class NormedTokens(tokens.Tokens):
    """``(B, L)`` ids to ``(B, L, D)``; L may be shorter than the task's."""

    spec = BlockSpec(
        key="normed_tokens",
        kind="stem",
        cost=cost,
        paper="BERT (2019)",
        has_linears=False,
        options=OPTIONS,
        later_options=frozenset(OPTIONS),
        check=check,
    )

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(shape)
        self.norm = elastic_norm(shape.embed_dim, shape.norm)

    def forward(self, batch: Tensor, *, embed_dim: int) -> Tensor:
        """Look up, add positions, normalise."""
        return self.norm(super().forward(batch, embed_dim=embed_dim))

    def step(self, batch_B1: Tensor, *, embed_dim: int, position: Tensor) -> Tensor:
        """Look up, add the position, normalise."""
        x_B1D = super().step(batch_B1, embed_dim=embed_dim, position=position)
        return self.norm(x_B1D)


BLOCK = NormedTokens
