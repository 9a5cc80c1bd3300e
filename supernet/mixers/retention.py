"""Retention: attention without a softmax, in which a fixed decay per head fades distant tokens.

``y_i = W_O (silu(W_G x_i) * norm_h(sum_j D_ij (q_i k_j / sqrt(K)) v_j))``

where ``D_ij = g_h^d(i, j) / sqrt(sum_m g_h^d(i, m))``, ``norm_h`` is the group norm of each head without learned
scales, and ``d`` is ``i - j`` over the past (causal), ``|i - j|``, or on a token grid the Manhattan distance.
``g_h = 1 - 2^(-5-h)`` (``1 - 2^(-2-h)`` on a grid). The paper's third normalisation, of each row of scores, is a factor
per token and head, which the group norm cancels.

With the option ``rotary``, q and k are first turned by their places, as the paper does: place l turns the pair of the
features ``i`` and ``i + K / 2`` by ``l 10000^(-i / (K / 2 - 1))``. Without, which is what profiles and networks of
earlier versions hold, positions come from the stem alone.

The causal form works on N chunks of C tokens, all at once: decayed scores inside a chunk, and for the chunks before it
one state a chunk, summed with the decay of whole chunks. So does the form over ``|i - j|`` with more than 256 tokens,
which has a second state for the chunks after each. Fewer tokens, and grids, are weighed in all pairs.

Papers: Sun et al. 2023, Retentive Network (RetNet); Fan et al. 2024, RMT (Manhattan decay).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from search_space.spec import BlockShape, BlockSpec, Cost, LinearShape, Scalar, StateShapes
from supernet.blocks import AttentionMixer, MixerCall, State
from supernet.costs import attention_cost
from supernet.elastic import ElasticLinear, prefix
from supernet.options import integer_option, integer_problem
from supernet.recurrence.matrix_state import matrix_shapes
from supernet.rotary import turned, waves_of

OPTIONS: dict[str, Scalar] = {"chunk": 32, "rotary": False}
_BASE = 10000.0
_SHORT = 256  # tokens, up to which all pairs at once are the faster form without causality


def _chunks(shape: BlockShape) -> tuple[int, int]:
    """Return the number of chunks and the tokens of one; grids and short sequences without causality are one chunk."""
    length = shape.task.seq_len
    chunked = shape.task.causal or (shape.task.grid is None and length > _SHORT)
    size = min(integer_option(shape, OPTIONS, "chunk"), length) if chunked else length
    return -(-length // size), size


def check(shape: BlockShape) -> str | None:
    """A chunk has tokens; a head has features to normalise."""
    if shape.head_dim < 2:
        return f"heads of width {shape.head_dim} leave nothing after their norm"
    rotary = shape.options.get("rotary", OPTIONS["rotary"])
    if not isinstance(rotary, bool):
        return f"rotary {rotary!r} is neither true nor false"
    if rotary and shape.head_dim % 2:
        return f"head_dim {shape.head_dim} is odd, so its features form no pairs to turn"
    return integer_problem(shape, OPTIONS, "chunk")


def _turns(shape: BlockShape) -> bool:
    return bool(shape.options.get("rotary", OPTIONS["rotary"]))


def cost(shape: BlockShape) -> Cost:
    """Scores inside the chunks, and between them one state each and their sums; one projection more, the gate."""
    (count, size), dim, heads, length = _chunks(shape), shape.head_dim, shape.num_heads, shape.task.seq_len
    tokens, inner, scores = count * size, shape.attention_dim, heads * count * size**2
    result, padded = tokens * inner, 3 * tokens * inner if tokens > length else 0
    # Products want each head's tokens together: a copy, but for a single head or where padding has copied already.
    copy = result if heads > 1 and not padded else 0
    values, turns = length * inner, _turns(shape)
    own = 0 if turns else copy  # of q and of k: turning has copied
    flops = 4 * scores * dim
    steps = [2 * own + scores, scores + copy + result, result + length * (inner + 2 * heads)]
    sides = 1 if shape.task.causal else 2  # the chunks before, and those after
    if count > 1:
        state = heads * count * dim**2
        flops += sides * (4 * state * size + 2 * state * count)
        steps += [
            2 * result + copy + own + state,
            result + 2 * state + heads * count**2,
            2 * (result + state) + own,
        ]
    attend = padded + max(steps)
    if turns:  # q and k as they were are held beside what is turned, until padding takes its place
        attend = max(3 * values, 2 * values + padded, attend if padded else attend + 2 * values)
    return attention_cost(
        shape,
        attend_flops=flops,
        attend_activations=attend,
        merge_activations=length * (3 * inner + shape.embed_dim),
        other_linears=(LinearShape(in_features=shape.embed_dim, out_features=inner, tokens=length),),
        constants=scores
        + (heads * (sides * (tokens + size) + count**2) if count > 1 else 0)
        + (length * dim if turns else 0),
    )


def _distance(shape: BlockShape) -> Tensor:
    """Return the ``(L, L)`` distances of the form without causality, in float64."""
    length, grid = shape.task.seq_len, shape.task.grid
    place = torch.arange(length, dtype=torch.float64)
    if grid is None:
        return (place[:, None] - place).abs()
    row, column = place.div(grid[1], rounding_mode="floor"), place.remainder(grid[1])
    return (row[:, None] - row).abs() + (column[:, None] - column).abs()


def state(shape: BlockShape) -> StateShapes:
    """The decayed sum ``(H, K, K)`` of the products of keys and values, and that of the decays."""
    return *matrix_shapes(shape), (shape.num_heads, 1, 1)


class Retention(AttentionMixer):
    """``(B, H, L, K)`` attention with fixed decays, a norm per head and a gate."""

    spec = BlockSpec(
        key="retention",
        kind="mixer",
        cost=cost,
        state=state,
        paper="Retentive Network (2023)",
        has_heads=True,
        shares_projections=True,
        options=OPTIONS,
        later_options=frozenset({"rotary"}),
        settled=lambda shape: {"chunk": _chunks(shape)[1]},
        check=check,
    )

    reads_shorter = True  # the norm of a row of weights is that of the whole length, which a norm with an eps sees

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(shape)
        self.gate = ElasticLinear(shape.embed_dim, shape.attention_dim)
        self.count, self.size = count, size = _chunks(shape)
        self.waves_2LP: Tensor | None
        speed_P = _BASE ** -torch.linspace(0, 1, shape.head_dim // 2, dtype=torch.float64)
        waves_2LP = waves_of(shape.task.seq_len, speed_P) if _turns(shape) else None
        self.register_buffer("waves_2LP", waves_2LP, persistent=False)
        self.inside_HNCC: Tensor
        self.leave_H1C1: Tensor
        self.carry_HNN: Tensor
        self.decay_H11: Tensor
        self.enter_HNC1: Tensor
        self.leave_back_H1C1: Tensor
        self.enter_back_HNC1: Tensor
        by_grid = shape.task.grid is not None and not shape.task.causal
        first = 2 if by_grid else 5
        decay_H = 1 - 2.0 ** -(first + torch.arange(shape.num_heads, dtype=torch.float64))
        if count == 1 and not shape.task.causal:
            weight_HLL = decay_H.view(-1, 1, 1) ** _distance(shape)
            weight_HLL = weight_HLL / weight_HLL.sum(2, keepdim=True).sqrt() * shape.head_dim**-0.5
            self._constant("inside_HNCC", weight_HLL[:, None])
            return
        self._constant("decay_H11", decay_H.view(-1, 1, 1))
        powers = decay_H[:, None] ** torch.arange(count * size, dtype=torch.float64)
        sums_HL = powers.cumsum(1)
        if not shape.task.causal:  # and those on the other side
            length = shape.task.seq_len
            sums_HL[:, :length] += sums_HL[:, :length].flip(1) - 1
        row_HNC = (shape.head_dim * sums_HL).rsqrt().view(-1, count, size)
        inside = torch.arange(size)[:, None] - torch.arange(size)
        inside_HCC = powers[:, inside.abs()]
        if shape.task.causal:
            inside_HCC = torch.where(inside >= 0, inside_HCC, 0.0)
        self._constant("inside_HNCC", inside_HCC[:, None] * row_HNC[..., None])
        self._constant("enter_HNC1", (powers[:, None, :size] * decay_H.view(-1, 1, 1) * row_HNC)[..., None])
        self._constant("leave_H1C1", powers[:, :size].flip(1)[:, None, :, None])
        if not shape.task.causal:
            self._constant("enter_back_HNC1", (powers[:, None, 1 : size + 1].flip(2) * row_HNC)[..., None])
            self._constant("leave_back_H1C1", powers[:, None, :size, None])
        chunk = torch.arange(count)
        ago = (chunk[:, None] - chunk - 1) * size
        self._constant("carry_HNN", torch.where(ago >= 0, powers[:, ago.clamp(min=0)], 0.0))

    def _constant(self, name: str, value: Tensor) -> None:
        self.register_buffer(name, value.to(torch.get_default_dtype()), persistent=False)

    def finish(self, y_BHLK: Tensor, x_BLD: Tensor, call: MixerCall) -> Tensor:
        """Gate, merge."""
        return call.merge_gated(y_BHLK, x_BLD, self.gate)

    def attend(self, q_BHLK: Tensor, k_BHLK: Tensor, v_BHLK: Tensor, mask_BL: Tensor | None = None) -> Tensor:
        """Retain every real token, or the past, and normalise each head."""
        heads, length = q_BHLK.shape[1:3]
        if self.waves_2LP is not None:
            waves_2LP = prefix(self.waves_2LP, 2, length)
            q_BHLK, k_BHLK = turned(q_BHLK, waves_2LP), turned(k_BHLK, waves_2LP)
        if mask_BL is not None and not self.shape.task.causal:
            k_BHLK = k_BHLK * mask_BL[:, None, :, None].to(k_BHLK.dtype)
        if self.count == 1:
            weight_HLL = prefix(self.inside_HNCC, heads).squeeze(1)
            if length < weight_HLL.shape[-1]:
                weight_HLL = weight_HLL[:, :length, :length]
            y_BHLK = (q_BHLK @ k_BHLK.mT).mul_(weight_HLL) @ v_BHLK
        else:
            extra = self.count * self.size - length
            if extra:
                q_BHLK, k_BHLK, v_BHLK = (F.pad(t, (0, 0, 0, extra)) for t in (q_BHLK, k_BHLK, v_BHLK))
            sizes = (self.count, self.size)
            y_BHNCK = self._chunked(*(torch.unflatten(t, 2, sizes) for t in (q_BHLK, k_BHLK, v_BHLK)))
            y_BHLK = y_BHNCK.flatten(2, 3)
            y_BHLK = y_BHLK[:, :, :length] if extra else y_BHLK
        return F.layer_norm(y_BHLK, y_BHLK.shape[-1:])

    def attend_step(
        self, q_BH1K: Tensor, k_BH1K: Tensor, v_BH1K: Tensor, state: State, *, position: Tensor
    ) -> tuple[Tensor, State]:
        """Decay the sums, add the token, read, normalise each head."""
        heads = q_BH1K.shape[1]
        if self.waves_2LP is not None:
            waves_21P = self.waves_2LP.index_select(1, position.reshape(1))
            q_BH1K, k_BH1K = turned(q_BH1K, waves_21P), turned(k_BH1K, waves_21P)
        decay_H11 = prefix(self.decay_H11, heads)
        sum_BHKK = state[0] * decay_H11 + k_BH1K.mT * v_BH1K
        total_BH11 = state[1] * decay_H11 + 1
        y_BH1K = (q_BH1K @ sum_BHKK) * (self.shape.head_dim * total_BH11).rsqrt()
        return F.layer_norm(y_BH1K, y_BH1K.shape[-1:]), (sum_BHKK, total_BH11)

    def _chunked(self, q_BHNCK: Tensor, k_BHNCK: Tensor, v_BHNCK: Tensor) -> Tensor:
        heads, dim = q_BHNCK.shape[1], q_BHNCK.shape[-1]
        carry_HNN = prefix(self.carry_HNN, heads)
        sides = [(self.leave_H1C1, carry_HNN, self.enter_HNC1)]
        if not self.shape.task.causal:
            sides.append((self.leave_back_H1C1, carry_HNN.mT, self.enter_back_HNC1))
        result = (q_BHNCK @ k_BHNCK.mT).mul_(prefix(self.inside_HNCC, heads)) @ v_BHNCK
        for leave_H1C1, reach_HNN, enter_HNC1 in sides:
            state_BHNKK = (k_BHNCK * prefix(leave_H1C1, heads)).mT @ v_BHNCK
            others = torch.unflatten(reach_HNN @ state_BHNKK.flatten(3), 3, (dim, dim))
            result = result.addcmul_(q_BHNCK @ others, prefix(enter_HNC1, heads))
            del state_BHNKK, others
        return result


BLOCK = Retention
