"""Attention of one learned query a head over every prefix of the tokens: a softmax with a state of constant size.

``y_i = W_O sum_(j <= i) softmax_(j <= i)(w_h x_j + b_h) v_j``

The product of a learned query with a key is linear in the token, ``w_h = W_K^T q_h / sqrt(K)``, so that there are
neither queries nor keys to compute or to remember, only scores and values.

The parallel form works on N chunks of C tokens, all at once: weights inside a chunk, relative to the highest score so
far, and for the chunks before it a scan over their sums, each relative to the highest score until its end. No weight is
more than one, and of a prefix one is.

Paper: Feng et al. 2024, Attention as an RNN (Aaren).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from search_space.spec import BlockShape, BlockSpec, Cost, LinearShape, Scalar, StateShapes
from supernet.blocks import MixerCall, State, TokenMixer
from supernet.costs import Activations
from supernet.elastic import ElasticLinear
from supernet.options import integer_problem
from supernet.recurrence.chunks import chunk_sizes, chunked, chunked_costs, joined
from supernet.recurrence.scan import scan, scan_costs

OPTIONS: dict[str, Scalar] = {"chunk": 32}


def cost(shape: BlockShape) -> Cost:
    """Scores and values of each token, weights inside the chunks, a sum each, and their scan."""
    length, width, inner = shape.task.seq_len, shape.embed_dim, shape.attention_dim
    heads, dim = shape.num_heads, shape.head_dim
    count, size = sizes = chunk_sizes(shape, OPTIONS)
    rates, last = heads * count * size, heads * count
    tokens, weights, sums = rates * (dim + 1), rates * size, last * (dim + 1)
    flops = 2 * weights * (dim + 1)
    live = Activations(2 * length * width)
    live.make(length * inner)
    chunked_costs(live, length=length, num_heads=heads, sizes=sizes, features=dim)
    live.turn(rates * dim, tokens)
    live.make(length * heads)
    chunked_costs(live, length=length, num_heads=heads, sizes=sizes, features=1)
    live.make(weights, rates)
    if count == 1:
        live.make(weights)
        live.turn(weights, weights)
        live.make(tokens)
    else:
        live.make(last, last)
        live.turn(rates, rates)
        live.make(weights)
        live.turn(weights, weights)
        live.turn(2 * weights, tokens)
        live.make(rates)
        live.turn(rates, rates)
        live.turn(rates, sums)
        live.drop(tokens, rates)
        live.make(last)
        live.turn(last, last)
        flops += 2 * tokens + scan_costs(live, count=count - 1, fade=heads, state=heads * (dim + 1))
        live.drop(sums if count > 2 else 0)
        live.make(rates)
        live.turn(rates, rates)
        live.make(sums, tokens)
        live.drop(sums)
        live.make(tokens)
    live.now = 2 * length * width + tokens
    live.make(length * inner)
    if heads > 1:
        live.turn(length * inner, length * inner)
    live.make(length * width)
    inward = LinearShape(in_features=width, out_features=heads, tokens=length)
    value = LinearShape(in_features=width, out_features=inner, tokens=length)
    return Cost(
        linears=(inward, value, LinearShape(in_features=inner, out_features=width, tokens=length)),
        other_params=2 * width,
        other_flops=flops,
        constants=size**2,
        peak_activations=live.peak,
    )


def state(shape: BlockShape) -> StateShapes:
    """The highest score, and sums of the values and of ones by their weights relative to it: ``(H, 1, K + 1)``."""
    return (shape.num_heads, 1, 1), (shape.num_heads, 1, shape.head_dim + 1)


class PrefixAttention(TokenMixer):
    """``(B, L, D)``: each token gets a mean of the values so far, weighted a head."""

    spec = BlockSpec(
        key="prefix_attention",
        kind="mixer",
        cost=cost,
        state=state,
        paper="Attention as an RNN (2024)",
        bidirectional=False,
        has_heads=True,
        options=OPTIONS,
        settled=lambda shape: {"chunk": chunk_sizes(shape, OPTIONS)[1]},
        check=lambda shape: integer_problem(shape, OPTIONS, "chunk"),
    )

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(shape)
        self.count, self.size = chunk_sizes(shape, OPTIONS)
        self.score = ElasticLinear(shape.embed_dim, shape.num_heads)
        self.value = ElasticLinear(shape.embed_dim, shape.attention_dim)
        self.out = ElasticLinear(shape.attention_dim, shape.embed_dim)
        self.future: Tensor
        self.register_buffer("future", torch.full((self.size, self.size), -torch.inf).triu(1), persistent=False)

    def forward(self, x_BLD: Tensor, call: MixerCall) -> Tensor:
        """Score, weigh the values of every prefix, merge."""
        return self._finish(self._weighed(x_BLD, call), x_BLD, call)

    def _weighed(self, x_BLD: Tensor, call: MixerCall) -> Tensor:
        """Return the sums of the weighted values and, as the last of V = K + 1, of the weights, ``(B, L, H, V)``."""
        heads, sizes = call.num_heads, (self.count, self.size)
        v_BHNCV = F.pad(chunked(self._values(x_BLD, call), heads, sizes), (0, 1), value=1.0)
        s_BHNC1 = chunked(self._scores(x_BLD, call), heads, sizes)
        s_BHNCC = s_BHNC1.mT + self.future
        most_BHNC1 = s_BHNCC.amax(-1, keepdim=True)
        if self.count == 1:
            return joined((s_BHNCC - most_BHNC1).exp().to(v_BHNCV.dtype) @ v_BHNCV, x_BLD.shape[1])
        last_BHN11 = _running_maximum(most_BHNC1[:, :, :, -1, 0])[..., None, None]
        before_BHN11 = F.pad(last_BHN11[:, :, :-1], (0, 0, 0, 0, 1, 0), value=-torch.inf)
        most_BHNC1 = torch.maximum(most_BHNC1, before_BHN11)
        y_BHNCV = (s_BHNCC - most_BHNC1).exp().to(v_BHNCV.dtype) @ v_BHNCV
        del s_BHNCC
        sum_BHN1V = (s_BHNC1 - last_BHN11).exp().to(v_BHNCV.dtype).mT @ v_BHNCV
        del s_BHNC1, v_BHNCV
        fade_BHN11 = (before_BHN11 - last_BHN11).exp().to(y_BHNCV.dtype)
        sum_BHN1V = scan(fade_BHN11[:, :, :-1], sum_BHN1V[:, :, :-1], dim=2)
        fade_BHNC1 = (before_BHN11 - most_BHNC1).exp().to(y_BHNCV.dtype)
        y_BHNCV = y_BHNCV + fade_BHNC1 * F.pad(sum_BHN1V, (0, 0, 0, 0, 1, 0))
        return joined(y_BHNCV, x_BLD.shape[1])

    def _scores(self, x_BLD: Tensor, call: MixerCall) -> Tensor:
        """Return ``(B, L, H)``, float32 at least, for differences of scores are what counts."""
        s_BLH = self.score(x_BLD, call.num_heads, call.precision)
        return s_BLH.to(torch.promote_types(s_BLH.dtype, torch.float32))

    def _values(self, x_BLD: Tensor, call: MixerCall) -> Tensor:
        return self.value(x_BLD, call.num_heads * self.shape.head_dim, call.precision)

    def _finish(self, y_BLHV: Tensor, x_BLD: Tensor, call: MixerCall) -> Tensor:
        """Divide by the sums of weights, merge."""
        y_BLE = (y_BLHV[..., :-1] / y_BLHV[..., -1:]).flatten(2)
        return self.out(y_BLE, x_BLD.shape[-1], call.precision)

    def step(self, x_B1D: Tensor, state: State, call: MixerCall, *, position: Tensor) -> tuple[Tensor, State]:
        """Fade the sums where the token has the highest score so far, add it, divide."""
        s_BH11 = self._scores(x_B1D, call).mT[..., None].to(x_B1D.dtype)
        v_BH1K = torch.unflatten(self._values(x_B1D, call), 2, (call.num_heads, -1)).transpose(1, 2)
        before_BH11 = torch.where(position > 0, state[0], s_BH11)
        most_BH11 = torch.maximum(before_BH11, s_BH11)
        added_BH1V = (s_BH11 - most_BH11).exp() * F.pad(v_BH1K, (0, 1), value=1.0)
        sum_BH1V = state[1] * (before_BH11 - most_BH11).exp() + added_BH1V
        return self._finish(sum_BH1V.transpose(1, 2), x_B1D, call), (most_BH11, sum_BH1V)


def _running_maximum(s_BHL: Tensor) -> Tensor:
    """Return the largest of the values until each place of the last axis; each step doubles how far it looks back."""
    reach = 1
    while reach < s_BHL.shape[2]:
        s_BHL = torch.maximum(s_BHL, F.pad(s_BHL[..., :-reach], (reach, 0), value=-torch.inf))
        reach *= 2
    return s_BHL


BLOCK = PrefixAttention
