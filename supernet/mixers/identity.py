"""No token mixing: this is how attention is dropped in a layer.

The layer skips the whole sub-block, norm included, so it costs nothing and no module is built.

Papers: Yu et al. 2022 (MetaFormer Baselines); He et al. 2024 (What Matters in Transformers? LLM-Drop).
"""

from __future__ import annotations

from torch import Tensor

from search_space.spec import BlockSpec, Cost
from supernet.blocks import MixerCall, State, TokenMixer


class Identity(TokenMixer):
    """Adds nothing to the residual."""

    spec = BlockSpec(
        key="identity",
        kind="mixer",
        cost=lambda shape: Cost(),
        paper="What Matters in Transformers? (2024)",
        has_linears=False,
    )

    def forward(self, x_BLD: Tensor, call: MixerCall) -> Tensor:
        """Return zeros, the residual's neutral element."""
        return x_BLD.new_zeros(x_BLD.shape)

    def step(self, x_B1D: Tensor, state: State, call: MixerCall, *, position: Tensor) -> tuple[Tensor, State]:
        """Return zeros."""
        return x_B1D.new_zeros(x_B1D.shape), state


BLOCK = Identity
