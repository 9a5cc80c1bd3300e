"""Running a causal mixer token by token, to compare with all tokens at once."""

from __future__ import annotations

import torch
from torch import Tensor

from supernet.blocks import MixerCall, Projections, TokenMixer


def token_by_token(mixer: TokenMixer, x_BLD: Tensor, *, num_heads: int, projections: Projections | None) -> Tensor:
    """Return the results of ``mixer.step`` on each token in turn, ``(B, L, D)``."""
    batch, length, width = x_BLD.shape
    state = mixer.initial_state(batch, embed_dim=width, num_heads=num_heads, dtype=x_BLD.dtype)
    call, rows = MixerCall(num_heads=num_heads, projections=projections), []
    for i in range(length):
        y_B1D, state = mixer.step(x_BLD[:, i : i + 1], state, call, position=torch.tensor(i))
        rows.append(y_B1D)
    return torch.cat(rows, 1)
