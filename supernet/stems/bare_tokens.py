"""An embedding for each token id and no position: for mixers that tell places themselves (``rotary_softmax``).

``x_l = E[id_l]``; id 0 is padding where the task is padded.

Paper: Touvron et al. 2023, LLaMA: Open and Efficient Foundation Language Models.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from search_space.spec import BlockShape, BlockSpec, Cost
from supernet.blocks import Stem
from supernet.elastic import prefix

PADDING = 0


def check(shape: BlockShape) -> str | None:
    """Examples are sequences of ids."""
    task = shape.task
    if task.vocab_size < 1 or task.input_shape != (task.seq_len,):
        return f"input of shape {task.input_shape} is no sequence of {task.seq_len} ids of a vocabulary"
    return None


def cost(shape: BlockShape) -> Cost:
    """One table, nothing to multiply."""
    length, width = shape.task.seq_len, shape.embed_dim
    return Cost(other_params=shape.task.vocab_size * width, peak_activations=length + length * width)


class BareTokens(Stem):
    """``(B, L)`` ids to ``(B, L, D)``; L may be shorter than the task's."""

    spec = BlockSpec(
        key="bare_tokens",
        kind="stem",
        cost=cost,
        paper="LLaMA (2023)",
        has_linears=False,
        has_norm=False,
        check=check,
    )

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(shape)
        self.embedding = nn.Parameter(torch.empty(shape.task.vocab_size, shape.embed_dim))

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Draw ids of variance one, as the other stems do."""
        nn.init.trunc_normal_(self.embedding, generator=generator)

    def forward(self, batch: Tensor, *, embed_dim: int) -> Tensor:
        """Look up."""
        return F.embedding(batch, prefix(self.embedding, self.embedding.shape[0], embed_dim))

    def mask(self, batch: Tensor) -> Tensor | None:
        """Return which ids are no padding; the first always counts, so that no example is empty."""
        if not self.shape.task.padded:
            return None
        first_L = torch.arange(batch.shape[1], device=batch.device) == 0
        return (batch != PADDING) | first_L

    def step(self, batch_B1: Tensor, *, embed_dim: int, position: Tensor) -> Tensor:
        """Look up."""
        return BareTokens.forward(self, batch_B1, embed_dim=embed_dim)


BLOCK = BareTokens
