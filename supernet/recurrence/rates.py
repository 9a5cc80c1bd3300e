"""How fast the state of each head fades, as the tokens say: the time steps of selective state spaces.

``t_i = softplus(w_h x_i + b_h)``, and of a state is left ``a_i = exp(-t_i e^(c_h))``. Shape legend: H heads.

Papers: Gu & Dao 2023, Mamba; Dao & Gu 2024, Transformers are SSMs.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from search_space.spec import LinearShape
from supernet.costs import Activations
from supernet.elastic import ElasticLinear, prefix

__all__ = ["HeadRates", "draw_time_steps"]

_SHORTEST, _LONGEST = 0.001, 0.1
_SLOWEST, _FASTEST = 1.0, 16.0


def draw_time_steps(biases: Tensor, generator: torch.Generator) -> None:
    """Draw, in place, biases under a softplus whose results are log-uniform from 0.001 to 0.1, as the papers do."""
    with torch.no_grad():
        steps = biases.uniform_(math.log(_SHORTEST), math.log(_LONGEST), generator=generator).exp_()
        steps.add_(torch.log(-torch.expm1(-steps)))


class HeadRates(nn.Module):
    """One time step for each token and head, and the decay that it means."""

    def __init__(self, embed_dim: int, num_heads: int) -> None:
        super().__init__()
        self.weigh = ElasticLinear(embed_dim, num_heads, bias=False)
        self.bias = nn.Parameter(torch.empty(num_heads))
        self.log_rate = nn.Parameter(torch.empty(num_heads))

    @staticmethod
    def linear(embed_dim: int, num_heads: int, length: int) -> LinearShape:
        """Return the one linear layer; other parameters are two a head."""
        return LinearShape(in_features=embed_dim, out_features=num_heads, tokens=length, bias=False)

    @staticmethod
    def costs(live: Activations, *, length: int, num_heads: int) -> None:
        """Tell what :meth:`forward` makes and drops, its two results remaining."""
        values = length * num_heads
        live.make(values)
        live.turn(values, values)
        live.make(values, num_heads, values)
        live.drop(num_heads, values)

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Draw time steps as the papers do, and rates uniformly from 1 to 16."""
        draw_time_steps(self.bias, generator)
        with torch.no_grad():
            self.log_rate.uniform_(_SLOWEST, _FASTEST, generator=generator).log_()

    def forward(self, x_BLD: Tensor, num_heads: int, precision: str) -> tuple[Tensor, Tensor]:
        """Return the time steps and the logarithms of the decays, ``(B, L, H)``, which are summed: float32 at least."""
        z_BLH = self.weigh(x_BLD, num_heads, precision) + prefix(self.bias, num_heads)
        step_BLH = F.softplus(z_BLH.to(torch.promote_types(z_BLH.dtype, torch.float32)))
        # Of each example, since exporters store a function of a parameter alone in place of the parameter.
        rate_B1H = prefix(self.log_rate, num_heads).expand(x_BLD.shape[0], 1, -1).exp()
        return step_BLH, (step_BLH * rate_B1H).mul_(-1)
