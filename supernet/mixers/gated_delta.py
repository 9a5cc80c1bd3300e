"""The gated delta rule: a state that fades, and in which each token first erases what its key has stood for so far.

``y_i = W_O (s * norm_h(S_i^T q_i) * silu(W_Z x_i))``, ``S_i = a_i (S_(i-1) - b_i k_i k_i^T S_(i-1)) + b_i k_i v_i^T``

with ``b_i = sigmoid(w_h x_i)`` and ``a_i`` the decay of ``state_space_dual``, one of each for a head; without the
option ``decay`` it is 1, which is the plain delta rule (DeltaNet). q, k and v are filtered feature by feature over the
last ``kernel`` tokens and sent through ``silu``; then q and k have unit length, and q is divided by sqrt(K). ``norm_h``
divides each head by its root mean square, s is one scale a feature of a head. The projections are those of attention.

The parallel form works on N chunks of C tokens, all at once. What the tokens of a chunk write, given what they erase of
each other, solves a triangular system (the WY form of the papers); the state after a chunk is a matrix times that
before it, plus another one, and a scan over these products gives all states.

Papers: Yang et al. 2024, Gated Delta Networks: Improving Mamba2 with Delta Rule; Yang et al. 2024, Parallelizing Linear
Transformers with the Delta Rule over Sequence Length.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from search_space.spec import BlockShape, BlockSpec, Cost, LinearShape, Scalar
from supernet.blocks import MixerCall, State, TokenMixer
from supernet.costs import Activations, projection_shapes
from supernet.elastic import ElasticLinear
from supernet.options import integer_option, integer_problem
from supernet.recurrence.chunks import chunk_sizes, chunked, chunked_costs, decays_within, joined
from supernet.recurrence.matrix_state import filtered_matrix_shapes
from supernet.recurrence.rates import HeadRates
from supernet.recurrence.scan import scan, scan_costs
from supernet.recurrence.short_convolution import FilteredHeads
from supernet.recurrence.triangular import block_masks, inverse, inverse_costs

OPTIONS: dict[str, Scalar] = {"chunk": 16, "kernel": 4, "decay": True}
EPS = 1e-6


def check(shape: BlockShape) -> str | None:
    """The constants are sizes, and whether there are decays."""
    decay = shape.options.get("decay", OPTIONS["decay"])
    if not isinstance(decay, bool):
        return f"decay {decay!r} is neither true nor false"
    return integer_problem(shape, OPTIONS, "chunk") or integer_problem(shape, OPTIONS, "kernel")


def _decays(shape: BlockShape) -> bool:
    return bool(shape.options.get("decay", OPTIONS["decay"]))


def cost(shape: BlockShape) -> Cost:
    """Scores inside the chunks, their inverses, two matrices each, their scan; three filters, linears for rates."""
    length, width, inner = shape.task.seq_len, shape.embed_dim, shape.attention_dim
    heads, dim, kernel = shape.num_heads, shape.head_dim, integer_option(shape, OPTIONS, "kernel")
    count, size = sizes = chunk_sizes(shape, OPTIONS)
    values, rates, decays = length * inner, length * heads, _decays(shape)
    live = Activations(2 * length * width)
    flops = FilteredHeads.costs(live, length=length, features=inner, kernel=kernel)
    live.make(rates)
    live.turn(rates, rates)
    if decays:
        HeadRates.costs(live, length=length, num_heads=heads)
        live.drop(rates)
    else:
        live.make(rates)
    for features in (dim, dim, dim, 1, 1):
        chunked_costs(live, length=length, num_heads=heads, sizes=sizes, features=features)
    flops += _chunk_costs(live, heads=heads, dim=dim, count=count, size=size)
    live.make(values, rates, rates)  # the norm
    live.drop(values, rates)
    live.make(values)
    live.turn(values, values)
    if heads > 1:
        live.turn(values, values)
    live.drop(rates, count * size * inner)
    live.make(values)  # the gate
    live.turn(values, values)
    live.make(values, length * width)
    inward = LinearShape(in_features=width, out_features=inner, tokens=length)
    return Cost(
        linears=(*projection_shapes(shape), *(1 + decays) * [HeadRates.linear(width, heads, length)], inward),
        other_params=2 * width + 3 * inner * kernel + 2 * heads * decays + dim,
        other_flops=flops,
        constants=(2 + (size - 1).bit_length()) * size**2 + dim**2,
        peak_activations=live.peak,
    )


def _chunk_costs(live: Activations, *, heads: int, dim: int, count: int, size: int) -> int:
    """Tell what is made of chunks of q, k, v and rates, of which the result remains; return its operations."""
    rates, last = heads * count * size, heads * count
    tokens, scores, states = rates * dim, rates * size, last * dim**2
    result = live.now - 2 * tokens - 2 * rates
    live.turn(rates, rates)  # summed logarithms
    for _ in range(2):  # unit lengths
        live.make(tokens, rates)
        live.drop(tokens)
        for _ in range(3):
            live.turn(rates, rates)
        live.turn(rates + tokens, tokens)
    live.make(scores)  # decays
    live.turn(scores, scores)
    live.turn(scores, scores)
    live.make(tokens)
    live.turn(tokens, tokens)
    live.drop(rates)
    live.make(scores)
    live.turn(scores, scores)
    flops = 10 * scores * dim + inverse_costs(live, count=last, size=size)
    live.drop(scores)
    live.turn(tokens, tokens)
    live.make(rates)
    live.turn(rates, tokens)
    live.turn(2 * tokens, tokens)
    live.drop(scores)
    live.make(scores)
    live.turn(2 * scores, scores)
    if count > 1:
        live.make(rates)
        live.turn(rates, rates)
        live.turn(rates + tokens, tokens)
        live.make(last)
        live.turn(last, states)
        live.make(states)
        live.turn(2 * states, states)
        live.make(states)
        live.drop(tokens)
        matrix = heads * dim**2
        flops += 8 * states * size + scan_costs(live, count=count - 1, fade=matrix, state=matrix, matrix=dim)
        scanned = (count - 1) * matrix if count > 2 else states  # one state is given back as it came
        live.drop(states, states if count > 2 else 0)
        live.turn(scanned, states)
        live.make(tokens)
        live.turn(2 * tokens, tokens)
        live.drop(tokens)
        live.make(rates)
        live.turn(rates + tokens, tokens)
        live.make(tokens)
        live.make(tokens)
    live.make(tokens)
    live.now = result
    return flops


class GatedDelta(TokenMixer):
    """``(B, H, L, K)`` attention through a state that forgets and corrects itself."""

    spec = BlockSpec(
        key="gated_delta",
        kind="mixer",
        cost=cost,
        state=lambda shape: filtered_matrix_shapes(shape, OPTIONS),
        paper="Gated Delta Networks (2024)",
        bidirectional=False,
        has_heads=True,
        shares_projections=True,
        options=OPTIONS,
        settled=lambda shape: {"chunk": chunk_sizes(shape, OPTIONS)[1]},
        check=check,
    )

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(shape)
        inner = shape.attention_dim
        self.count, self.size = chunk_sizes(shape, OPTIONS)
        self.heads = FilteredHeads(inner, integer_option(shape, OPTIONS, "kernel"), bias=False)
        self.rates = HeadRates(shape.embed_dim, shape.num_heads) if _decays(shape) else None
        self.strength = ElasticLinear(shape.embed_dim, shape.num_heads, bias=False)
        self.gate = ElasticLinear(shape.embed_dim, inner)
        self.scale = nn.Parameter(torch.empty(shape.head_dim))
        self.future: Tensor
        self.masks: Tensor
        self.eye_C: Tensor
        self.eye_K: Tensor
        constants = {
            "future": torch.full((self.size, self.size), -torch.inf).triu(1),
            "masks": block_masks(self.size).to(torch.get_default_dtype()),
            "eye_C": torch.eye(self.size),
            "eye_K": torch.eye(shape.head_dim),
        }
        for name, value in constants.items():
            self.register_buffer(name, value, persistent=False)

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Scale by one."""
        nn.init.ones_(self.scale)

    def forward(self, x_BLD: Tensor, call: MixerCall) -> Tensor:
        """Project, filter, attend, normalise each head, gate, merge."""
        return self._finish(self._attend(x_BLD, call), x_BLD, call)

    def _attend(self, x_BLD: Tensor, call: MixerCall) -> Tensor:
        """Return what the states hold for each query, ``(B, L, H, K)``."""
        heads, length, sizes = call.num_heads, x_BLD.shape[1], (self.count, self.size)
        q, k, v = self.heads(x_BLD, call)
        strength_BLH, log_BLH = self._strengths(x_BLD, call)
        q = chunked(q, heads, sizes)  # (B, H, N, C, K)
        k = chunked(k, heads, sizes)
        v = chunked(v, heads, sizes)
        strength_BHNC1 = chunked(strength_BLH, heads, sizes)
        del strength_BLH
        log_BHNC1 = chunked(log_BLH, heads, sizes)
        del log_BLH
        log_BHNC1 = log_BHNC1.cumsum(3)
        q = _unit(q, scale=q.shape[-1] ** -0.5)
        k = _unit(k)
        decay_BHNCC = decays_within(log_BHNC1, self.future).to(q.dtype)
        erased = k * strength_BHNC1
        v = v * strength_BHNC1
        del strength_BHNC1
        solved_BHNCC = inverse((erased @ k.mT) * decay_BHNCC, self.masks, self.eye_C)
        v = solved_BHNCC @ v
        erased = solved_BHNCC @ (erased * log_BHNC1.exp().to(q.dtype))
        del solved_BHNCC
        decay_BHNCC = (q @ k.mT) * decay_BHNCC
        if self.count == 1:
            return joined(decay_BHNCC @ v, length)
        last_BHN11 = log_BHNC1[:, :, :, -1:]
        k = k * (last_BHN11 - log_BHNC1).exp().to(q.dtype)
        move_BHNKK = last_BHN11.exp().to(q.dtype) * self.eye_K - k.mT @ erased
        state_BHNKK = k.mT @ v
        del k
        state_BHNKK = scan(move_BHNKK[:, :, :-1], state_BHNKK[:, :, :-1], dim=2, matrices=True)
        del move_BHNKK
        state_BHNKK = F.pad(state_BHNKK, (0, 0, 0, 0, 1, 0))  # the state before each chunk
        v = v - erased @ state_BHNKK
        del erased
        q = q * log_BHNC1.exp().to(q.dtype)
        return joined(q @ state_BHNKK + decay_BHNCC @ v, length)

    def _strengths(self, x_BLD: Tensor, call: MixerCall) -> tuple[Tensor, Tensor]:
        """Return how much of its value each token writes, and the logarithms of the decays, ``(B, L, H)``."""
        strength_BLH = self.strength(x_BLD, call.num_heads, call.precision).sigmoid()
        if self.rates is None:
            return strength_BLH, torch.zeros_like(strength_BLH)
        return strength_BLH, self.rates(x_BLD, call.num_heads, call.precision)[1]

    def _finish(self, y_BLHK: Tensor, x_BLD: Tensor, call: MixerCall) -> Tensor:
        """Normalise each head, scale, gate, merge."""
        y_BLHK = F.rms_norm(y_BLHK, y_BLHK.shape[3:], self.scale.to(y_BLHK.dtype), EPS)
        return call.merge_gated(y_BLHK.transpose(1, 2), x_BLD, self.gate)

    def step(self, x_B1D: Tensor, state: State, call: MixerCall, *, position: Tensor) -> tuple[Tensor, State]:
        """Fade the state, write what the value differs by from what the key recalls, ask it."""
        (q, k, v), near = self.heads.step(x_B1D, state[1:], call)
        q_BH1K, k_BH1K, v_BH1K = (torch.unflatten(t, 2, (call.num_heads, -1)).transpose(1, 2) for t in (q, k, v))
        q_BH1K, k_BH1K = _unit(q_BH1K, scale=q_BH1K.shape[-1] ** -0.5), _unit(k_BH1K)
        strength_BH11, log_BH11 = (t.mT[..., None].to(v.dtype) for t in self._strengths(x_B1D, call))
        state_BHKK = state[0] * log_BH11.exp()
        state_BHKK = state_BHKK + k_BH1K.mT @ ((v_BH1K - k_BH1K @ state_BHKK) * strength_BH11)
        return self._finish((q_BH1K @ state_BHKK).transpose(1, 2), x_B1D, call), (state_BHKK, *near)


def _unit(t: Tensor, *, scale: float = 1.0) -> Tensor:
    """Return vectors of length ``scale``; of zeros, zeros."""
    return t * ((t.square().sum(-1, keepdim=True) + EPS).rsqrt() * scale)


BLOCK = GatedDelta
