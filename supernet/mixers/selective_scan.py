"""The selective state space of Mamba: every feature has a state of its own, which fades and grows as the token says.

``y_i = W_O ((C_i h_i + d * u_i) * silu(W_Z x_i))``, ``h_i = exp(-t_i e^c) * h_(i-1) + t_i u_i B_i``

with ``u = silu(f * W_U x)``, one filter of ``kernel`` taps over the last tokens for each of E = ``expansion`` D
features, ``t = softplus(W_T R u + b)`` through D / 16 numbers, and ``B, C`` linear in u. A feature has ``states``
numbers for its state, and ``e^c`` one rate for each.

The parallel form is one scan over all tokens, of E times ``states`` numbers each: linear in the length.

Paper: Gu & Dao 2023, Mamba: Linear-Time Sequence Modeling with Selective State Spaces.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from search_space.spec import BlockShape, BlockSpec, Cost, LinearShape, Scalar, StateShapes
from supernet.blocks import MixerCall, State, TokenMixer
from supernet.costs import Activations
from supernet.elastic import ElasticLinear, prefix
from supernet.options import integer_option, integer_problem
from supernet.recurrence.rates import draw_time_steps
from supernet.recurrence.scan import scan, scan_costs
from supernet.recurrence.short_convolution import ShortConvolution

OPTIONS: dict[str, Scalar] = {"expansion": 2, "states": 16, "kernel": 4}


def check(shape: BlockShape) -> str | None:
    """The constants are sizes."""
    problems = (integer_problem(shape, OPTIONS, name) for name in OPTIONS)
    return next((problem for problem in problems if problem), None)


def _rank(width: int) -> int:
    return -(-width // 16)


def cost(shape: BlockShape) -> Cost:
    """Six linears, a filter a feature, and the product of the states with what asks for them."""
    length, width = shape.task.seq_len, shape.embed_dim
    expansion, states, kernel = (integer_option(shape, OPTIONS, name) for name in OPTIONS)
    inner, rank = expansion * width, _rank(width)
    sizes = ((width, inner), (width, inner), (inner, rank), (rank, inner), (inner, 2 * states), (inner, width))
    biases = (True, True, False, False, False, True)
    values, all_states = length * inner, length * inner * states
    live = Activations(2 * length * width)
    live.make(values)
    flops = ShortConvolution.costs(live, length=length, features=inner, kernel=kernel)
    live.drop(values)
    live.turn(values, values)
    live.make(length * rank, values)
    live.turn(values, values)
    live.turn(values, values)
    live.make(2 * length * states, inner * states, all_states)
    live.turn(inner * states + all_states, all_states)
    live.make(values, all_states)
    live.drop(values, values, length * rank)
    flops += 2 * all_states + scan_costs(live, count=length, fade=inner * states, state=inner * states)
    live.drop(all_states if length > 1 else 0, all_states)
    live.make(values)
    live.drop(all_states, 2 * length * states)
    live.make(values, values)
    live.drop(values)
    live.make(values)
    live.turn(values, values)
    live.make(values)
    live.drop(2 * values)
    live.make(length * width)
    return Cost(
        linears=tuple(
            LinearShape(in_features=i, out_features=o, tokens=length, bias=b)
            for (i, o), b in zip(sizes, biases, strict=True)
        ),
        other_params=2 * width + inner * (kernel + 1) + inner * (states + 2),
        other_flops=flops,
        peak_activations=live.peak,
    )


def state(shape: BlockShape) -> StateShapes:
    """The states, ``(E, S)``, and the inputs of the filter."""
    expansion, states, kernel = (integer_option(shape, OPTIONS, name) for name in OPTIONS)
    inner = expansion * shape.embed_dim
    return (inner, states), (kernel - 1, inner)


class SelectiveScan(TokenMixer):
    """``(B, L, D)`` through E features with S states each."""

    spec = BlockSpec(
        key="selective_scan",
        kind="mixer",
        cost=cost,
        state=state,
        paper="Mamba (2023)",
        bidirectional=False,
        options=OPTIONS,
        nested_options=frozenset({"expansion"}),
        check=check,
    )

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(shape)
        self.expansion, self.states, kernel = (integer_option(shape, OPTIONS, name) for name in OPTIONS)
        inner = self.expansion * shape.embed_dim
        self.up, self.gate = ElasticLinear(shape.embed_dim, inner), ElasticLinear(shape.embed_dim, inner)
        self.filtered = ShortConvolution(inner, kernel)
        self.step_in = ElasticLinear(inner, _rank(shape.embed_dim), bias=False)
        self.step_out = ElasticLinear(_rank(shape.embed_dim), inner, bias=False)
        self.write_read = ElasticLinear(inner, 2 * self.states, bias=False)
        self.step_bias = nn.Parameter(torch.empty(inner))
        self.log_rate = nn.Parameter(torch.empty(inner, self.states))
        self.skip = nn.Parameter(torch.empty(inner))
        self.down = ElasticLinear(inner, shape.embed_dim)

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Draw time steps as the paper does, give the states rates of 1, 2, 3, ..., let every value pass, too."""
        draw_time_steps(self.step_bias, generator)
        with torch.no_grad():
            self.log_rate.copy_(torch.arange(1, self.states + 1).log())
        nn.init.ones_(self.skip)

    def forward(self, x_BLD: Tensor, call: MixerCall) -> Tensor:
        """Project, filter, scan, gate, project."""
        u_BLE = F.silu(self.filtered(self._up(x_BLD, call)))
        fade_BLES, added_BLES, read_BL1S = self._recurrence(u_BLE, call)
        added_BLES = scan(fade_BLES, added_BLES, dim=1)
        del fade_BLES
        y_BLE = (added_BLES.to(u_BLE.dtype) @ read_BL1S.mT).squeeze(3)
        del added_BLES, read_BL1S
        return self._finish(y_BLE, u_BLE, x_BLD, call)

    def _up(self, x_BLD: Tensor, call: MixerCall) -> Tensor:
        return self.up(x_BLD, self.expansion * x_BLD.shape[-1], call.precision)

    def _recurrence(self, u_BLE: Tensor, call: MixerCall) -> tuple[Tensor, Tensor, Tensor]:
        """Return what is left of each state, what is added to it, and what asks for it, ``(B, L, 1, S)``."""
        inner = u_BLE.shape[-1]
        few_BLR = self.step_in(u_BLE, _rank(inner // self.expansion), call.precision)
        step_BLE = self.step_out(few_BLR, inner, call.precision) + prefix(self.step_bias, inner)
        step_BLE = F.softplus(step_BLE.to(torch.promote_types(step_BLE.dtype, torch.float32)))
        write_BLS, read_BLS = self.write_read(u_BLE, 2 * self.states, call.precision).chunk(2, -1)
        # Of each example, since exporters store a function of a parameter alone in place of the parameter.
        rate_B1ES = prefix(self.log_rate, inner).expand(u_BLE.shape[0], 1, -1, -1).exp()
        fade_BLES = (step_BLE[..., None] * rate_B1ES).mul_(-1).exp()
        del rate_B1ES
        return fade_BLES, (step_BLE * u_BLE)[..., None] * write_BLS[:, :, None], read_BLS[:, :, None]

    def _finish(self, y_BLE: Tensor, u_BLE: Tensor, x_BLD: Tensor, call: MixerCall) -> Tensor:
        """Add what passes by the states, gate, project."""
        inner = u_BLE.shape[-1]
        y_BLE = y_BLE + u_BLE * prefix(self.skip, inner)
        y_BLE = y_BLE * F.silu(self.gate(x_BLD, inner, call.precision))
        return self.down(y_BLE, x_BLD.shape[-1], call.precision)

    def step(self, x_B1D: Tensor, state: State, call: MixerCall, *, position: Tensor) -> tuple[Tensor, State]:
        """Fade the states, add the token, ask them."""
        u_B1E, near_BkE = self.filtered.step(self._up(x_B1D, call), state[1])
        u_B1E = F.silu(u_B1E)
        fade_B1ES, added_B1ES, read_B11S = self._recurrence(u_B1E, call)
        state_BES = (state[0][:, None] * fade_B1ES + added_B1ES)[:, 0]
        state_BES = state_BES.to(u_B1E.dtype)
        y_B1E = (state_BES @ read_B11S[:, 0].mT).mT
        return self._finish(y_B1E, u_B1E, x_B1D, call), (state_BES, near_BkE)


BLOCK = SelectiveScan
