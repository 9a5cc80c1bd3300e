"""Linear attention with the feature map ``phi(x) = elu(x) + 1``, normalised: linear in the number of tokens.

``y_i = phi(q_i)^T sum_j phi(k_j) v_j^T / (phi(q_i)^T sum_j phi(k_j) + eps)``, ``j <= i`` when the task is causal.

The causal form works on chunks of C tokens, all at once: scores inside a chunk, and the summed states of the chunks
before it. A column of ones beside v makes the same products yield the denominator.

Paper: Katharopoulos et al. 2020, Transformers are RNNs.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from search_space.spec import BlockShape, BlockSpec, Cost, Scalar, StateShapes
from supernet.blocks import AttentionMixer, State
from supernet.costs import attention_cost
from supernet.options import integer_option, integer_problem

EPS = 1e-6
OPTIONS: dict[str, Scalar] = {"chunk": 32}


def chunks(shape: BlockShape) -> tuple[int, int]:
    """Return the number of chunks and the tokens of one; without causality all tokens are one chunk."""
    length = shape.task.seq_len
    size = min(integer_option(shape, OPTIONS, "chunk"), length) if shape.task.causal else length
    return -(-length // size), size


def cost(shape: BlockShape) -> Cost:
    """One state of K x (K + 1) numbers a head, or one a chunk and the scores inside the chunks."""
    heads, dim, length = shape.num_heads, shape.head_dim, shape.task.seq_len
    count, size = chunks(shape)
    state, tokens = heads * count * dim * (dim + 1), count * size
    features, result = heads * tokens * dim, heads * tokens * (dim + 1)
    # Products want each head's tokens together: a copy, but for a single head or where padding has copied already.
    copy = features if heads > 1 and tokens == length else 0
    quotient = heads * length * (dim + 1)
    if not shape.task.causal:
        flops, steps = 4 * state * size, [state + copy + result, result + quotient]
    else:
        scores = heads * count * size**2
        flops = 2 * scores * (2 * dim + 1)
        steps = [2 * copy + scores, scores + result, result + quotient]
        if count > 1:
            flops += 4 * state * size
            steps += [result + copy + state, result + 2 * state, 2 * result + copy + state]
    return attention_cost(
        shape,
        attend_flops=flops,
        attend_activations=2 * features + result + max(steps),
        constants=size**2 if shape.task.causal else 0,
    )


def state(shape: BlockShape) -> StateShapes:
    """The sum ``(H, K, K + 1)`` of the products of keys and values."""
    return ((shape.num_heads, shape.head_dim, shape.head_dim + 1),)


class Linear(AttentionMixer):
    """``(B, H, L, K)`` attention through a fixed-size state."""

    spec = BlockSpec(
        key="linear",
        kind="mixer",
        cost=cost,
        state=state,
        paper="Transformers are RNNs (2020)",
        has_heads=True,
        shares_projections=True,
        options=OPTIONS,
        settled=lambda shape: {"chunk": chunks(shape)[1]},
        check=lambda shape: integer_problem(shape, OPTIONS, "chunk"),
    )

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(shape)
        self.count, self.size = chunks(shape)
        self.past: Tensor
        if shape.task.causal:
            self.register_buffer("past", torch.ones(self.size, self.size).tril(), persistent=False)

    def attend(self, q_BHLK: Tensor, k_BHLK: Tensor, v_BHLK: Tensor, mask_BL: Tensor | None = None) -> Tensor:
        """Attend to every real token, or to the past."""
        length = q_BHLK.shape[2]
        extra = self.count * self.size - length  # padding is last, so no real query sees it
        if extra:
            q_BHLK, k_BHLK = F.pad(q_BHLK, (0, 0, 0, extra)), F.pad(k_BHLK, (0, 0, 0, extra))
        q_BHLK, k_BHLK = F.elu(q_BHLK).add_(1), F.elu(k_BHLK).add_(1)
        if mask_BL is not None and not self.shape.task.causal:
            k_BHLK = k_BHLK * mask_BL[:, None, :, None].to(k_BHLK.dtype)
        v_BHLV = F.pad(v_BHLK, (0, 1, 0, extra), value=1.0)  # V = K + 1
        y_BHLV = self._past(q_BHLK, k_BHLK, v_BHLV) if self.shape.task.causal else q_BHLK @ (k_BHLK.mT @ v_BHLV)
        if extra:
            y_BHLV = y_BHLV[:, :, :length]
        return y_BHLV[..., :-1] / (y_BHLV[..., -1:] + EPS)

    def attend_step(
        self, q_BH1K: Tensor, k_BH1K: Tensor, v_BH1K: Tensor, state: State, *, position: Tensor
    ) -> tuple[Tensor, State]:
        """Add the token's product to the sum, read the sum."""
        q_BH1K, k_BH1K = F.elu(q_BH1K) + 1, F.elu(k_BH1K) + 1
        sum_BHKV = state[0] + k_BH1K.mT * F.pad(v_BH1K, (0, 1), value=1.0)
        y_BH1V = q_BH1K @ sum_BHKV
        return y_BH1V[..., :-1] / (y_BH1V[..., -1:] + EPS), (sum_BHKV,)

    def _past(self, q_BHLK: Tensor, k_BHLK: Tensor, v_BHLV: Tensor) -> Tensor:
        sizes = (self.count, self.size)  # N chunks of C tokens
        q_BHNCK, k_BHNCK, v_BHNCV = (torch.unflatten(t, 2, sizes) for t in (q_BHLK, k_BHLK, v_BHLV))
        y_BHNCV = (q_BHNCK @ k_BHNCK.mT).mul_(self.past) @ v_BHNCV
        if self.count > 1:
            before_BHNKV = F.pad((k_BHNCK.mT @ v_BHNCV).cumsum(2)[:, :, :-1], (0, 0, 0, 0, 1, 0))
            y_BHNCV.add_(q_BHNCK @ before_BHNKV)
        return y_BHNCV.flatten(2, 3)


BLOCK = Linear
