"""Two linear layers with an activation between them; the hidden width is elastic and nested.

``y = W2 a(W1 x)`` where ``a`` is the option ``activation``:

- ``gelu``: ``x Phi(x)`` (Hendrycks and Gimpel 2016)
- ``gelu_tanh``: ``x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2``, its approximation there, as in GPT-2
- ``relu``: ``max(x, 0)``
- ``squared_relu``: ``relu(x)^2`` (So et al. 2021, Primer)
- ``star_relu``: ``c_0 relu(x)^2 + c_1``, c learned (Yu et al. 2022, MetaFormer Baselines for Vision)
- ``polynomial``: ``sum_i c_i relu(x)^i`` up to i = 3, c learned (Zhuo et al. 2024, Polynomial Composition: PolyReLU)

Papers: Vaswani et al. 2017; Devvrit et al. 2023 (MatFormer: nested hidden widths).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from search_space.precision import FLOAT
from search_space.spec import BlockShape, BlockSpec, Cost, LinearShape, Scalar
from supernet.blocks import ChannelMixer
from supernet.elastic import ElasticLinear

OPTIONS: dict[str, Scalar] = {"activation": "gelu"}


def _squared_relu(x: Tensor, c: Tensor) -> Tensor:
    x = F.relu(x)
    return x.square()


def _star_relu(x: Tensor, c: Tensor) -> Tensor:
    x = F.relu(x)
    x = x.square()
    x = x * c[0]
    return x + c[1]


def _polynomial(x: Tensor, c: Tensor) -> Tensor:
    x = F.relu(x)
    y = x * c[3]
    for i in (2, 1):
        y = y + c[i]
        y = y * x
    return y + c[0]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Activation:
    """The function of ``x`` and the learned coefficients, their first values, and how many values an x needs alive."""

    function: Callable[[Tensor, Tensor], Tensor]
    start: tuple[float, ...] = ()
    alive: int = 2


_ACTIVATIONS = {
    "gelu": _Activation(function=lambda x, c: F.gelu(x)),
    "gelu_tanh": _Activation(function=lambda x, c: F.gelu(x, approximate="tanh")),
    "relu": _Activation(function=lambda x, c: F.relu(x)),
    "squared_relu": _Activation(function=_squared_relu),
    # Normal inputs give normal outputs: mean zero, variance one.
    "star_relu": _Activation(function=_star_relu, start=(0.8944, -0.4472)),
    "polynomial": _Activation(function=_polynomial, start=(0.0, 1 / 3, 1 / 3, 1 / 3), alive=3),
}


def _activation(shape: BlockShape) -> _Activation:
    return _ACTIVATIONS[str(shape.options.get("activation", OPTIONS["activation"]))]


def check(shape: BlockShape) -> str | None:
    """The activation is one of the table."""
    name = shape.options.get("activation", OPTIONS["activation"])
    return None if name in _ACTIVATIONS else f"activation {name!r} is not one of {', '.join(_ACTIVATIONS)}"


def cost(shape: BlockShape) -> Cost:
    """Two linears over every token."""
    length, width, hidden = shape.task.seq_len, shape.embed_dim, shape.hidden_dim
    activation = _activation(shape)
    return Cost(
        linears=(
            LinearShape(in_features=width, out_features=hidden, tokens=length),
            LinearShape(in_features=hidden, out_features=width, tokens=length),
        ),
        other_params=2 * width + len(activation.start),
        peak_activations=length * (2 * width + max(activation.alive * hidden, hidden + width)),
    )


class MLP(ChannelMixer):
    """The transformer's feed-forward network."""

    spec = BlockSpec(
        key="mlp",
        kind="channel_mixer",
        cost=cost,
        paper="Attention Is All You Need (2017)",
        has_ratio=True,
        options=OPTIONS,
        option_choices={"activation": tuple(_ACTIVATIONS)},
        check=check,
    )

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(shape)
        self.up = ElasticLinear(shape.embed_dim, shape.hidden_dim)
        self.down = ElasticLinear(shape.hidden_dim, shape.embed_dim)
        learned = len(_activation(shape).start)
        self.coefficients = nn.Parameter(torch.empty(learned)) if learned else None

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Set the coefficients of the activation to the paper's."""
        if self.coefficients is not None:
            with torch.no_grad():
                self.coefficients.copy_(torch.tensor(_activation(self.shape).start))

    def forward(self, x_BLD: Tensor, *, hidden_dim: int = 0, precision: str = FLOAT) -> Tensor:
        """Expand, activate, contract."""
        coefficients = x_BLD.new_empty(0) if self.coefficients is None else self.coefficients
        h_BLF = _activation(self.shape).function(self.up(x_BLD, hidden_dim, precision), coefficients)
        return self.down(h_BLF, x_BLD.shape[-1], precision)


BLOCK = MLP
