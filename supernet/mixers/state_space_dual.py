"""State space duality (Mamba-2): a state that fades at a rate which the token decides, one for a whole head.

``y_i = W_O norm_h((S_i^T q_i + d_h v_i) * silu(W_Z x_i))``, ``S_i = a_i S_(i-1) + t_i k_i v_i^T``

with ``t_i = softplus(w_h x_i + b_h)`` and ``a_i = exp(-t_i e^(c_h))``. The paper's C, B and X are q, k and v, each
feature of them filtered over the last ``kernel`` tokens and sent through ``silu``; each head has its own (the paper's
multi-head pattern), its state is as wide as it is, and ``norm_h`` divides it by its root mean square. The projections
are those of attention, whose weights they share.

The parallel form works on N chunks of C tokens, all at once: decayed scores inside a chunk, and for the chunks before
it a scan over their states.

Paper: Dao & Gu 2024, Transformers are SSMs: Generalized Models and Efficient Algorithms Through Structured State Space
Duality.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from search_space.spec import BlockShape, BlockSpec, Cost, LinearShape, Scalar
from supernet.blocks import MixerCall, State, TokenMixer
from supernet.costs import Activations, projection_shapes
from supernet.elastic import ElasticLinear, prefix
from supernet.options import integer_option, integer_problem
from supernet.recurrence.chunks import chunk_sizes, chunked, chunked_costs, decays_within, joined
from supernet.recurrence.matrix_state import filtered_matrix_shapes
from supernet.recurrence.rates import HeadRates
from supernet.recurrence.scan import scan, scan_costs
from supernet.recurrence.short_convolution import FilteredHeads

OPTIONS: dict[str, Scalar] = {"chunk": 32, "kernel": 4}
EPS = 1e-5


def check(shape: BlockShape) -> str | None:
    """The constants are sizes."""
    problems = (integer_problem(shape, OPTIONS, name) for name in OPTIONS)
    return next((problem for problem in problems if problem), None)


def cost(shape: BlockShape) -> Cost:
    """Scores inside the chunks, a state each, and their scan; three filters, and two linears more."""
    length, width, inner = shape.task.seq_len, shape.embed_dim, shape.attention_dim
    heads, dim, kernel = shape.num_heads, shape.head_dim, integer_option(shape, OPTIONS, "kernel")
    count, size = sizes = chunk_sizes(shape, OPTIONS)
    values, tokens, rates = length * inner, count * size * inner, count * size * heads
    scores, states = rates * size, count * inner * dim
    live = Activations(2 * length * width)
    flops = FilteredHeads.costs(live, length=length, features=inner, kernel=kernel)
    HeadRates.costs(live, length=length, num_heads=heads)
    live.make(values, values)
    live.drop(values + length * heads)
    for features in (dim, dim, dim, 1):
        chunked_costs(live, length=length, num_heads=heads, sizes=sizes, features=features)
    live.turn(rates, rates)
    live.make(scores, scores)
    live.turn(scores, scores)
    live.turn(scores, scores)
    live.turn(2 * scores, scores)
    live.turn(scores, tokens)
    flops += 4 * scores * dim
    if count > 1:
        live.make(rates)
        live.turn(rates, rates)
        live.turn(rates + tokens, tokens)
        live.make(states)
        live.drop(2 * tokens)
        live.make(rates)
        live.turn(rates + tokens, tokens)
        live.make((count - 1) * heads)
        flops += 4 * states * size + scan_costs(live, count=count - 1, fade=heads, state=inner * dim)
        scanned = (count - 1) * inner * dim if count > 2 else 0
        live.turn(scanned + states, states)
        live.make(tokens)
        live.turn(2 * tokens, tokens)
    live.make(values)
    live.now = 2 * length * width + values
    live.make(values)  # the gate
    live.turn(values, values)
    live.make(values, values, length * heads, length * heads)
    live.drop(values, length * heads)
    live.turn(2 * values + length * heads, values)
    live.make(values, length * width)
    inward = LinearShape(in_features=width, out_features=inner, tokens=length)
    return Cost(
        linears=(*projection_shapes(shape), HeadRates.linear(width, heads, length), inward),
        other_params=2 * width + 3 * inner * (kernel + 1) + 3 * heads + inner,
        other_flops=flops,
        constants=size**2,
        peak_activations=live.peak,
    )


class StateSpaceDual(TokenMixer):
    """``(B, H, L, K)`` attention through a state that fades as the tokens say."""

    spec = BlockSpec(
        key="state_space_dual",
        kind="mixer",
        cost=cost,
        state=lambda shape: filtered_matrix_shapes(shape, OPTIONS),
        paper="Transformers are SSMs (2024)",
        bidirectional=False,
        has_heads=True,
        shares_projections=True,
        options=OPTIONS,
        settled=lambda shape: {"chunk": chunk_sizes(shape, OPTIONS)[1]},
        check=check,
    )

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(shape)
        inner, kernel = shape.attention_dim, integer_option(shape, OPTIONS, "kernel")
        self.count, self.size = chunk_sizes(shape, OPTIONS)
        self.heads = FilteredHeads(inner, kernel)
        self.rates = HeadRates(shape.embed_dim, shape.num_heads)
        self.skip = nn.Parameter(torch.empty(shape.num_heads))
        self.gate = ElasticLinear(shape.embed_dim, inner)
        self.scale = nn.Parameter(torch.empty(inner))
        self.future: Tensor
        self.register_buffer("future", torch.full((self.size, self.size), -torch.inf).triu(1), persistent=False)

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Let every value pass by the state, too; scale by one."""
        nn.init.ones_(self.skip)
        nn.init.ones_(self.scale)

    def forward(self, x_BLD: Tensor, call: MixerCall) -> Tensor:
        """Project, filter, attend, gate, normalise each head, merge."""
        return self._finish(self._attend(x_BLD, call), x_BLD, call)

    def _attend(self, x_BLD: Tensor, call: MixerCall) -> Tensor:
        """Return what the states hold for each query, ``(B, L, H, K)``."""
        heads, length, sizes = call.num_heads, x_BLD.shape[1], (self.count, self.size)
        q, k, v = self.heads(x_BLD, call)
        step_BLH, log_BLH = self.rates(x_BLD, heads, call.precision)
        v = torch.unflatten(v, 2, (heads, -1))
        skipped_BLHK = v * prefix(self.skip, heads)[:, None]
        v = (v * step_BLH[..., None].to(v.dtype)).flatten(2)
        del step_BLH
        q = chunked(q, heads, sizes)  # (B, H, N, C, K)
        k = chunked(k, heads, sizes)
        v = chunked(v, heads, sizes)
        log_BHNC1 = chunked(log_BLH, heads, sizes)
        del log_BLH
        log_BHNC1 = log_BHNC1.cumsum(3)
        y_BHNCK = ((q @ k.mT) * decays_within(log_BHNC1, self.future).to(q.dtype)) @ v
        if self.count > 1:
            last_BHN11 = log_BHNC1[:, :, :, -1:]
            k = k * (last_BHN11 - log_BHNC1).exp().to(k.dtype)
            state_BHNKK = k.mT @ v
            del k, v
            q = q * log_BHNC1.exp().to(q.dtype)
            fade_BHn11 = last_BHN11[:, :, :-1].exp().to(q.dtype)  # n = N - 1: the last chunk is nobody's past
            state_BHNKK = F.pad(scan(fade_BHn11, state_BHNKK[:, :, :-1], dim=2), (0, 0, 0, 0, 1, 0))
            y_BHNCK = y_BHNCK + q @ state_BHNKK
        return skipped_BLHK + joined(y_BHNCK, length)

    def _finish(self, y_BLHK: Tensor, x_BLD: Tensor, call: MixerCall) -> Tensor:
        """Gate, normalise each head, merge."""
        width = y_BLHK.shape[2] * y_BLHK.shape[3]
        gate_BLE = F.silu(self.gate(x_BLD, width, call.precision))
        y_BLHK = F.rms_norm(y_BLHK * gate_BLE.view_as(y_BLHK), y_BLHK.shape[3:], eps=EPS)
        y_BLE = y_BLHK.flatten(2)
        return call.shared.out(y_BLE * prefix(self.scale, width), x_BLD.shape[-1], call.precision)

    def step(self, x_B1D: Tensor, state: State, call: MixerCall, *, position: Tensor) -> tuple[Tensor, State]:
        """Fade the state, add the token, ask it."""
        heads = call.num_heads
        (q, k, v), near = self.heads.step(x_B1D, state[1:], call)
        q_BH1K, k_BH1K, v_BH1K = (torch.unflatten(t, 2, (heads, -1)).transpose(1, 2) for t in (q, k, v))
        step_BH11, log_BH11 = (t.mT[..., None].to(v.dtype) for t in self.rates(x_B1D, heads, call.precision))
        state_BHKK = state[0] * log_BH11.exp() + k_BH1K.mT * (v_BH1K * step_BH11)
        y_BH1K = q_BH1K @ state_BHKK + v_BH1K * prefix(self.skip, heads)[:, None, None]
        return self._finish(y_BH1K.transpose(1, 2), x_B1D, call), (state_BHKK, *near)


BLOCK = StateSpaceDual
