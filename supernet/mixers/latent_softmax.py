"""Softmax attention whose keys and values all come from one short vector a token, which alone is kept for decoding.

``y = W_O softmax((q k^T + R p (R r)^T) / sqrt(K + R)) v`` with ``q, p = W_Q x, W_P x``, ``c = norm(W_C x)``,
``k, v = W_K c, W_V c`` and ``r = W_R x``, over the past alone when the task is causal. c has ``rank`` features; p and r
have half as many as a head, are turned by their places, and r is one for all heads, for a turned k could not come from
c. ``norm`` divides by the root mean square and scales.

Decoding asks the kept vectors themselves: ``q k^T = (W_K^T q) c^T``, and W_V follows the softmax. So W_K and W_V are no
linear layers of a token, and stay in float at every precision.

Paper: DeepSeek-AI 2024, DeepSeek-V2 (multi-head latent attention, without the compression of queries, as in its Lite).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from search_space.spec import BlockShape, BlockSpec, Cost, LinearShape, Scalar, StateShapes
from supernet.attention import attention, padding_bias, written
from supernet.blocks import MixerCall, State, TokenMixer
from supernet.costs import Activations
from supernet.elastic import ElasticLinear, ElasticRMSNorm, prefix
from supernet.options import integer_option, integer_problem
from supernet.rotary import base_problem, rotary_speeds, turned, turned_costs, waves_of

OPTIONS: dict[str, Scalar] = {"rank": 32, "base": 10000.0}
EPS = 1e-6


def check(shape: BlockShape) -> str | None:
    """Half of a head's features form pairs, the rank is a size, and the base is a number above 1."""
    problem = base_problem(shape.options.get("base", OPTIONS["base"])) or integer_problem(shape, OPTIONS, "rank")
    return problem or (f"head_dim {shape.head_dim} is not divisible by 4" if shape.head_dim % 4 else None)


def cost(shape: BlockShape) -> Cost:
    """Softmax attention of longer heads; five linears, and two from the latent."""
    length, width, inner, heads = shape.task.seq_len, shape.embed_dim, shape.attention_dim, shape.num_heads
    rank, part, causal = integer_option(shape, OPTIONS, "rank"), shape.head_dim // 2, shape.task.causal
    sizes = ((width, inner), (width, heads * part), (width, rank), (width, part), (inner, width))
    values, turning, longer = length * inner, length * heads * part, length * heads * (shape.head_dim + part)
    live = Activations(2 * length * width)
    live.make(values, turning)
    turned_costs(live, turning)
    live.drop(turning)
    live.make(longer)
    live.drop(values, turning)
    live.make(length * rank, length * rank, length, length)
    live.drop(length * rank, length)
    live.make(length * rank, length * rank)
    live.drop(length * rank, length * rank, length)
    live.make(length * part)
    turned_costs(live, length * part)
    live.drop(length * part)
    live.make(values)
    live.turn(values, longer)
    live.make(values)
    live.drop(length * (rank + part))
    live.turn(values, longer)
    live.make(longer + length * heads)
    live.drop(3 * longer, length * heads)
    live.make(values, length * width)
    return Cost(
        linears=tuple(LinearShape(in_features=i, out_features=o, tokens=length) for i, o in sizes),
        other_params=2 * width + rank + 2 * rank * inner,
        other_flops=4 * length * rank * inner + 4 * length**2 * heads * (shape.head_dim + part),
        constants=2 * length * (part // 2) + (length**2 if causal else 0),
        peak_activations=live.peak,
    )


def state(shape: BlockShape) -> StateShapes:
    """Room for the latents, ``(1, S, rank)``, and for the turned keys, ``(1, S, K / 2)``."""
    length = shape.task.seq_len
    return (1, length, integer_option(shape, OPTIONS, "rank")), (1, length, shape.head_dim // 2)


class LatentSoftmax(TokenMixer):
    """``(B, H, L, K)`` attention to what one latent vector a token remembers."""

    spec = BlockSpec(
        key="latent_softmax",
        kind="mixer",
        cost=cost,
        state=state,
        paper="DeepSeek-V2 (2024)",
        has_heads=True,
        options=OPTIONS,
        nested_options=frozenset({"rank"}),
        check=check,
    )

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(shape)
        width, inner, self.part = shape.embed_dim, shape.attention_dim, shape.head_dim // 2
        self.rank = integer_option(shape, OPTIONS, "rank")
        self.query, self.query_turned = ElasticLinear(width, inner), ElasticLinear(width, shape.num_heads * self.part)
        self.latent, self.key_turned = ElasticLinear(width, self.rank), ElasticLinear(width, self.part)
        self.norm = ElasticRMSNorm(self.rank, eps=EPS)
        self.key, self.value = (nn.Parameter(torch.empty(inner, self.rank)) for _ in range(2))
        self.out = ElasticLinear(inner, width)
        base = float(shape.options.get("base", OPTIONS["base"]))
        self.waves_2LP: Tensor
        waves_2LP = waves_of(shape.task.seq_len, rotary_speeds(self.part, base))
        self.register_buffer("waves_2LP", waves_2LP, persistent=False)

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Draw keys and values of variance one."""
        for weight in (self.key, self.value):
            nn.init.trunc_normal_(weight, std=weight.shape[1] ** -0.5, generator=generator)

    def forward(self, x_BLD: Tensor, call: MixerCall) -> Tensor:
        """Project, turn, attend to every real token or to the past, merge the heads."""
        heads, causal = call.num_heads, self.shape.task.causal
        waves_2LP = prefix(self.waves_2LP, 2, x_BLD.shape[1])
        q_BHLK = torch.cat(self._queries(x_BLD, waves_2LP, call), -1)
        c_BLr, r_B1LR = self._latents(x_BLD, waves_2LP, call)
        width = heads * self.shape.head_dim
        k_BHLK = self._heads(F.linear(c_BLr, prefix(self.key, width, self.rank)), heads)
        k_BHLK = torch.cat([k_BHLK, r_B1LR.expand(-1, heads, -1, -1)], -1)
        v_BHLK = self._heads(F.linear(c_BLr, prefix(self.value, width, self.rank)), heads)
        del c_BLr, r_B1LR
        v_BHLK = F.pad(v_BHLK, (0, self.part))  # fused kernels want values as long as keys
        bias = None if causal or call.mask_BL is None else padding_bias(call.mask_BL, q_BHLK.dtype)
        y_BHLK = attention(q_BHLK, k_BHLK, v_BHLK, mask=bias, is_causal=causal)
        del q_BHLK, k_BHLK, v_BHLK
        return self._merge(y_BHLK[..., : -self.part], x_BLD.shape[-1], call)

    def _queries(self, x_BLD: Tensor, waves_2LP: Tensor, call: MixerCall) -> tuple[Tensor, Tensor]:
        """Return what asks for contents, ``(B, H, L, K)``, and for distances, ``(B, H, L, K / 2)``."""
        heads = call.num_heads
        q_BHLK = self._heads(self.query(x_BLD, heads * self.shape.head_dim, call.precision), heads)
        p_BHLR = self._heads(self.query_turned(x_BLD, heads * self.part, call.precision), heads)
        return q_BHLK, turned(p_BHLR, waves_2LP)

    def _latents(self, x_BLD: Tensor, waves_2LP: Tensor, call: MixerCall) -> tuple[Tensor, Tensor]:
        """Return what is kept of each token: ``(B, L, rank)`` and ``(B, 1, L, K / 2)``."""
        c_BLr = self.norm(self.latent(x_BLD, self.rank, call.precision))
        return c_BLr, turned(self.key_turned(x_BLD, self.part, call.precision)[:, None], waves_2LP)

    @staticmethod
    def _heads(t_BLE: Tensor, heads: int) -> Tensor:
        t_BLHK: Tensor = torch.unflatten(t_BLE, 2, (heads, -1))
        return t_BLHK.transpose(1, 2)

    def _merge(self, y_BHLK: Tensor, width: int, call: MixerCall) -> Tensor:
        return self.out(y_BHLK.transpose(1, 2).contiguous().flatten(2), width, call.precision)

    def step(self, x_B1D: Tensor, state: State, call: MixerCall, *, position: Tensor) -> tuple[Tensor, State]:
        """Write what is kept of the token at its place, attend to all places so far."""
        heads, dim = call.num_heads, self.shape.head_dim
        waves_21P = self.waves_2LP.index_select(1, position.reshape(1))
        q_BH1K, p_BH1R = self._queries(x_B1D, waves_21P, call)
        c_B1r, r_B11R = self._latents(x_B1D, waves_21P, call)
        c_B1Sr, r_B1SR = written(state[0], c_B1r[:, None], position), written(state[1], r_B11R, position)
        key_HKr, value_HKr = (
            torch.unflatten(prefix(w, heads * dim, self.rank), 0, (heads, dim)) for w in (self.key, self.value)
        )
        scores_BH1S = (q_BH1K @ key_HKr) @ c_B1Sr.mT + p_BH1R @ r_B1SR.mT
        later_S = torch.arange(c_B1Sr.shape[2], device=x_B1D.device) > position
        weights = (scores_BH1S * (dim + self.part) ** -0.5).masked_fill(later_S, -torch.inf).softmax(-1)
        y_BH1K = (weights @ c_B1Sr) @ value_HKr.mT
        return self._merge(y_BH1K, x_B1D.shape[-1], call), (c_B1Sr, r_B1SR)


BLOCK = LatentSoftmax
