"""Gated linear unit: two expansions, one of which gates the other; the hidden width is elastic and nested.

``y = W3 (a(W1 x) * W2 x)`` where ``a`` is the option ``gate``: ``silu`` (SwiGLU), ``gelu`` (GEGLU), ``relu`` (ReGLU) or
``sigmoid`` (GLU).

Papers: Shazeer 2020, GLU Variants Improve Transformer; Dauphin et al. 2017, Language Modeling with Gated Convolutions.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from search_space.precision import FLOAT
from search_space.spec import BlockShape, BlockSpec, Cost, LinearShape, Scalar
from supernet.blocks import ChannelMixer
from supernet.elastic import ElasticLinear

OPTIONS: dict[str, Scalar] = {"gate": "silu"}
_GATES: dict[Scalar, Callable[[Tensor], Tensor]] = {
    "silu": F.silu,
    "gelu": F.gelu,
    "relu": F.relu,
    "sigmoid": torch.sigmoid,
}


def _gate(shape: BlockShape) -> Scalar:
    return shape.options.get("gate", OPTIONS["gate"])


def check(shape: BlockShape) -> str | None:
    """The gate is one of the table."""
    gate = _gate(shape)
    return None if gate in _GATES else f"gate {gate!r} is not one of {', '.join(map(str, _GATES))}"


def cost(shape: BlockShape) -> Cost:
    """Three linears over every token."""
    length, width, hidden = shape.task.seq_len, shape.embed_dim, shape.hidden_dim
    inward = LinearShape(in_features=width, out_features=hidden, tokens=length)
    return Cost(
        linears=(inward, inward, LinearShape(in_features=hidden, out_features=width, tokens=length)),
        other_params=2 * width,
        peak_activations=length * (2 * width + 2 * hidden + max(hidden, width)),
    )


class GatedMLP(ChannelMixer):
    """The feed-forward network with a gate."""

    spec = BlockSpec(
        key="gated_mlp",
        kind="channel_mixer",
        cost=cost,
        paper="GLU Variants Improve Transformer (2020)",
        has_ratio=True,
        options=OPTIONS,
        option_choices={"gate": tuple(_GATES)},
        later_options=frozenset(OPTIONS),
        check=check,
    )

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(shape)
        self.gate = ElasticLinear(shape.embed_dim, shape.hidden_dim)
        self.up = ElasticLinear(shape.embed_dim, shape.hidden_dim)
        self.down = ElasticLinear(shape.hidden_dim, shape.embed_dim)
        self.activation = _GATES[_gate(shape)]

    def forward(self, x_BLD: Tensor, *, hidden_dim: int = 0, precision: str = FLOAT) -> Tensor:
        """Expand twice, gate, contract."""
        width, x_BLD = x_BLD.shape[-1], self.gate.simulate_input(x_BLD, precision)
        gate_BLF = self.activation(self.gate(x_BLD, hidden_dim, precision, input_simulated=True))
        h_BLF = gate_BLF * self.up(x_BLD, hidden_dim, precision, input_simulated=True)
        return self.down(h_BLF, width, precision)


BLOCK = GatedMLP
