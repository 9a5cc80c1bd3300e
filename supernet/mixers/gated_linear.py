"""Gated linear attention: a state of fixed size, each row of which fades at a rate that the token decides.

``y_i = W_O (silu(W_G x_i) * norm_h(o_i))``, ``o_i = S_i^T q_i / sqrt(K)``, ``S_i = diag(a_i) S_(i-1) + k_i v_i^T``

with ``a_i = sigmoid(W_2 W_1 x_i)^(1 / temperature)``, one decay a feature of a head, through ``rank`` numbers;
``norm_h`` is the norm of each head without learned scales, as in ``retention``. Without causality a second state runs
from the last token to the first, and ``o_i`` is the sum of both, i itself counted once.

Both work on N chunks of C tokens, all at once. With ``b`` the summed log decays of a chunk, scores inside it are
``(q_i e^(b_i - m)) (k_j e^(m - b_j))``, where m is half of the chunk's whole decay: neither factor then leaves the
range of floats as long as a log decay is not below ``-64 / C``, to which it is raised (at C = 16 a fiftieth a token).
Between chunks, log2(N) doubling steps sum the states.

Paper: Yang et al. 2023, Gated Linear Attention Transformers with Hardware-Efficient Training.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from search_space.spec import BlockShape, BlockSpec, Cost, LinearShape, Scalar
from supernet.blocks import MixerCall, State, TokenMixer
from supernet.costs import attention_cost
from supernet.elastic import ElasticLinear
from supernet.options import integer_option, integer_problem
from supernet.recurrence.matrix_state import matrix_shapes

OPTIONS: dict[str, Scalar] = {"chunk": 16, "rank": 16, "temperature": 16}
_RANGE = 64.0  # exp of this squared is still a float32, with room for q and k


def _chunks(shape: BlockShape) -> tuple[int, int]:
    """Return the number of chunks and the tokens of one."""
    length = shape.task.seq_len
    size = min(integer_option(shape, OPTIONS, "chunk"), length)
    return -(-length // size), size


def check(shape: BlockShape) -> str | None:
    """A head has features to normalise; the other constants are sizes."""
    if shape.head_dim < 2:
        return f"heads of width {shape.head_dim} leave nothing after their norm"
    problems = (integer_problem(shape, OPTIONS, name) for name in OPTIONS)
    return next((problem for problem in problems if problem), None)


def cost(shape: BlockShape) -> Cost:
    """Scores inside the chunks and one state each, once or twice; three linears more, the decays' two and the gate."""
    (count, size), dim, heads, length = _chunks(shape), shape.head_dim, shape.num_heads, shape.task.seq_len
    inner, width, rank = shape.attention_dim, shape.embed_dim, integer_option(shape, OPTIONS, "rank")
    tokens, values = count * size * inner, length * inner
    padded = tokens if count * size > length else 0
    # Products want each head's tokens together: a copy, but for a single head or where padding has copied already.
    copy = tokens if heads > 1 and not padded else 0
    flops, scores, fades = 4 * count * size**2 * inner, heads * count * size**2, count * inner
    steps = [
        2 * padded + 4 * tokens + fades,  # k scaled
        padded + 2 * tokens + fades + 2 * copy + scores,
        padded + 2 * tokens + fades + scores + max(scores, copy + tokens),
    ]
    if count > 1:
        flops += 4 * (count - 1) * size * dim * inner
        before, states = tokens - size * inner, (count - 1) * dim * inner
        steps += [
            padded + 3 * tokens + 2 * fades + 2 * before + states,
            2 * tokens + 2 * fades + 2 * states,
            2 * tokens + 3 * fades - inner + 3 * states - dim * inner,
            2 * tokens + 3 * fades - inner + states + 2 * before,
            3 * tokens + 3 * fades - inner + states + max(before, tokens),
        ]
    held = values
    if not shape.task.causal:
        flops *= 2
        held += 4 * values + tokens + (2 * values if shape.task.padded else 0)
    return attention_cost(
        shape,
        attend_flops=flops,
        attend_activations=held + max(steps),
        merge_activations=length * (3 * inner + width),
        other_linears=(
            LinearShape(in_features=width, out_features=rank, tokens=length, bias=False),
            LinearShape(in_features=rank, out_features=inner, tokens=length),
            LinearShape(in_features=width, out_features=inner, tokens=length),
        ),
        constants=size**2 * (1 if shape.task.causal else 2),
    )


class GatedLinear(TokenMixer):
    """``(B, H, L, K)`` attention through a state whose rows fade as the tokens say."""

    spec = BlockSpec(
        key="gated_linear",
        kind="mixer",
        cost=cost,
        state=matrix_shapes,
        paper="Gated Linear Attention Transformers (2023)",
        has_heads=True,
        shares_projections=True,
        options=OPTIONS,
        nested_options=frozenset({"rank"}),
        settled=lambda shape: {"chunk": _chunks(shape)[1]},
        check=check,
    )

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(shape)
        self.count, self.size = _chunks(shape)
        self.rank, self.temperature = (integer_option(shape, OPTIONS, name) for name in ("rank", "temperature"))
        self.decay_in = ElasticLinear(shape.embed_dim, self.rank, bias=False)
        self.decay_out = ElasticLinear(self.rank, shape.attention_dim)
        self.gate = ElasticLinear(shape.embed_dim, shape.attention_dim)
        self.past: Tensor
        self.before: Tensor
        square = torch.ones(self.size, self.size)
        self.register_buffer("past", square.tril(), persistent=False)
        if not shape.task.causal:
            self.register_buffer("before", square.tril(-1), persistent=False)

    def forward(self, x_BLD: Tensor, call: MixerCall) -> Tensor:
        """Project, attend, normalise each head, gate, merge."""
        qkv = call.qkv(x_BLD)
        y_BHLK = self.attend(*qkv, self._log_decays(x_BLD, call), call.mask_BL)
        del qkv
        return self._finish(y_BHLK, x_BLD, call)

    def _finish(self, y_BHLK: Tensor, x_BLD: Tensor, call: MixerCall) -> Tensor:
        """Normalise each head, gate, merge."""
        return call.merge_gated(F.layer_norm(y_BHLK, y_BHLK.shape[-1:]), x_BLD, self.gate)

    def _log_decays(self, x_BLD: Tensor, call: MixerCall) -> Tensor:
        """Return ``(B, H, L, K)`` logarithms of a, at most zero; in float32 at least, for they are summed."""
        width = call.num_heads * self.shape.head_dim
        z_BLE = self.decay_out(self.decay_in(x_BLD, self.rank, call.precision), width, call.precision)
        z_BLE = z_BLE.to(torch.promote_types(z_BLE.dtype, torch.float32))
        g_BLE = (-F.softplus(-z_BLE) / self.temperature).clamp(min=-_RANGE / self.size)
        return torch.unflatten(g_BLE, 2, (call.num_heads, -1)).transpose(1, 2)

    def attend(
        self, q_BHLK: Tensor, k_BHLK: Tensor, v_BHLK: Tensor, g_BHLK: Tensor, mask_BL: Tensor | None = None
    ) -> Tensor:
        """Return what the states hold for each query, for log decays ``g``; padding neither fades nor adds."""
        if self.shape.task.causal:
            return self._scan(q_BHLK, k_BHLK, v_BHLK, g_BHLK, self.past)
        if mask_BL is not None:
            real = mask_BL[:, None, :, None].to(k_BHLK.dtype)
            k_BHLK, g_BHLK = k_BHLK * real, g_BHLK * real
        y_BHLK = self._scan(q_BHLK, k_BHLK, v_BHLK, g_BHLK, self.past)
        back_BHLK = self._scan(q_BHLK.flip(2), k_BHLK.flip(2), v_BHLK.flip(2), g_BHLK.flip(2), self.before)
        return y_BHLK + back_BHLK.flip(2)

    def _scan(self, q_BHLK: Tensor, k_BHLK: Tensor, v_BHLK: Tensor, g_BHLK: Tensor, seen_CC: Tensor) -> Tensor:
        """Run one state over the tokens in order; ``seen_CC`` says whether a token sees itself."""
        length, dim = q_BHLK.shape[2:]
        extra = self.count * self.size - length
        q, k, v, g = (
            torch.unflatten(F.pad(t, (0, 0, 0, extra)) if extra else t, 2, (self.count, self.size))
            for t in (q_BHLK, k_BHLK, v_BHLK, g_BHLK)
        )
        g = g.cumsum(3)
        half_BHN1K = g[:, :, :, -1:] / 2
        q = q * ((g - half_BHN1K).exp() * dim**-0.5).to(q.dtype)
        k = k * (half_BHN1K - g).exp().to(k.dtype)
        del g
        y_BHNCK = ((q @ k.mT) * seen_CC) @ v
        if self.count > 1:
            fade_BHNK1 = half_BHN1K.exp().mT.to(v.dtype)
            state_BHnKK = k[:, :, :-1].mT @ v[:, :, :-1]  # n = N - 1: the last chunk is nobody's past
            del k, v
            state_BHnKK = state_BHnKK * fade_BHNK1[:, :, :-1]
            whole_BHnK1, reach = fade_BHNK1[:, :, :-1].square(), 1
            while reach < self.count - 1:  # each step doubles how many chunks a state holds
                added = whole_BHnK1[:, :, reach:] * state_BHnKK[:, :, :-reach]
                added = state_BHnKK[:, :, reach:] + added
                state_BHnKK = torch.cat([state_BHnKK[:, :, :reach], added], 2)
                added = whole_BHnK1[:, :, reach:] * whole_BHnK1[:, :, :-reach]
                whole_BHnK1 = torch.cat([whole_BHnK1[:, :, :reach], added], 2)
                reach *= 2
            state_BHnKK = state_BHnKK * fade_BHNK1[:, :, 1:]
            y_BHNCK = y_BHNCK + F.pad(q[:, :, 1:] @ state_BHnKK, (0, 0, 0, 0, 1, 0))
        y_BHLK: Tensor = y_BHNCK.flatten(2, 3)
        return y_BHLK[:, :, :length] if extra else y_BHLK

    def step(self, x_B1D: Tensor, state: State, call: MixerCall, *, position: Tensor) -> tuple[Tensor, State]:
        """Fade the state, add the token, ask it."""
        q_BH1K, k_BH1K, v_BH1K = call.qkv(x_B1D)
        fade_BHK1 = self._log_decays(x_B1D, call).exp().mT.to(v_BH1K.dtype)
        state_BHKK = state[0] * fade_BHK1 + k_BH1K.mT * v_BH1K
        y_BH1K = (q_BH1K * q_BH1K.shape[-1] ** -0.5) @ state_BHKK
        return self._finish(y_BH1K, x_B1D, call), (state_BHKK,)


BLOCK = GatedLinear
