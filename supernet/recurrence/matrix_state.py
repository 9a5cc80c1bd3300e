"""Mixers whose heads remember a matrix each, of keys by values, whatever the number of tokens.

Shape legend: H heads, K features of a head.
"""

from __future__ import annotations

import torch

from supernet.blocks import State, TokenMixer
from supernet.recurrence.short_convolution import FilteredHeads

__all__ = ["FilteredMatrixState", "MatrixState"]


class MatrixState(TokenMixer):
    """Begins to decode with a matrix of zeros for each head."""

    def initial_state(
        self,
        batch_size: int,
        *,
        embed_dim: int,
        num_heads: int = 0,
        dtype: torch.dtype = torch.float32,
        device: torch.device | None = None,
    ) -> State:
        """Return the empty state, ``(B, H, K, K)``."""
        dim = self.shape.head_dim
        return (torch.zeros(batch_size, num_heads, dim, dim, dtype=dtype, device=device),)


class FilteredMatrixState(MatrixState):
    """The same of filtered queries, keys and values, whose last inputs it remembers too."""

    heads: FilteredHeads

    def initial_state(
        self,
        batch_size: int,
        *,
        embed_dim: int,
        num_heads: int = 0,
        dtype: torch.dtype = torch.float32,
        device: torch.device | None = None,
    ) -> State:
        """Return the empty state, ``(B, H, K, K)``, and the inputs of the three filters."""
        state = super().initial_state(batch_size, embed_dim=embed_dim, num_heads=num_heads, dtype=dtype, device=device)
        features = num_heads * self.shape.head_dim
        return *state, *self.heads.initial_state(batch_size, features=features, dtype=dtype, device=device)
