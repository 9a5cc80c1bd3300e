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

from search_space.spec import BlockShape, BlockSpec, Cost, Scalar
from supernet.blocks import AttentionMixer
from supernet.costs import attention_cost
from supernet.options import integer_option, integer_problem

EPS = 1e-6
OPTIONS: dict[str, Scalar] = {"chunk": 32}


def _chunks(shape: BlockShape) -> tuple[int, int]:
    """Return the number of chunks and the tokens of one."""
    size = min(integer_option(shape, OPTIONS, "chunk"), shape.task.seq_len)
    return -(-shape.task.seq_len // size), size


def cost(shape: BlockShape) -> Cost:
    """One state of K x (K + 1) numbers a head, or one a chunk and the scores inside the chunks."""
    length, heads, dim = shape.task.seq_len, shape.num_heads, shape.head_dim
    if not shape.task.causal:
        flops = 4 * heads * length * dim * (dim + 1)
        return attention_cost(shape, attend_flops=flops)
    count, size = _chunks(shape)
    flops = heads * count * (2 * size**2 * dim + 2 * size**2 * (dim + 1))
    if count > 1:
        flops += heads * count * 4 * size * dim * (dim + 1)
    return attention_cost(shape, attend_flops=flops)


class Linear(AttentionMixer):
    """``(B, H, L, K)`` attention through a fixed-size state."""

    spec = BlockSpec(
        key="linear",
        kind="mixer",
        cost=cost,
        paper="Transformers are RNNs (2020)",
        has_heads=True,
        shares_projections=True,
        options=OPTIONS,
        check=lambda shape: integer_problem(shape, OPTIONS, "chunk"),
    )

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(shape)
        self.count, self.size = _chunks(shape)
        self.past: Tensor
        if shape.task.causal:
            self.register_buffer("past", torch.ones(self.size, self.size).tril(), persistent=False)

    def attend(self, q_BHLK: Tensor, k_BHLK: Tensor, v_BHLK: Tensor) -> Tensor:
        """Attend to every token, or to the past."""
        q_BHLK, k_BHLK = F.elu(q_BHLK) + 1, F.elu(k_BHLK) + 1
        v_BHLV = F.pad(v_BHLK, (0, 1), value=1.0)  # V = K + 1
        y_BHLV = self._past(q_BHLK, k_BHLK, v_BHLV) if self.shape.task.causal else q_BHLK @ (k_BHLK.mT @ v_BHLV)
        return y_BHLV[..., :-1] / (y_BHLV[..., -1:] + EPS)

    def _past(self, q_BHLK: Tensor, k_BHLK: Tensor, v_BHLV: Tensor) -> Tensor:
        length = q_BHLK.shape[2]
        extra, sizes = self.count * self.size - length, (self.count, self.size)  # N chunks of C tokens
        if extra:
            q_BHLK, k_BHLK, v_BHLV = (F.pad(t, (0, 0, 0, extra)) for t in (q_BHLK, k_BHLK, v_BHLV))
        q_BHNCK, k_BHNCK, v_BHNCV = (torch.unflatten(t, 2, sizes) for t in (q_BHLK, k_BHLK, v_BHLV))
        y_BHNCV = (q_BHNCK @ k_BHNCK.mT * self.past) @ v_BHNCV
        if self.count > 1:
            state_BHNKV = (k_BHNCK.mT @ v_BHNCV).cumsum(2)
            before_BHNKV = F.pad(state_BHNKV[:, :, :-1], (0, 0, 0, 0, 1, 0))
            y_BHNCV = y_BHNCV + q_BHNCK @ before_BHNKV
        y_BHLV: Tensor = y_BHNCV.flatten(2, 3)
        return y_BHLV[:, :, :length] if extra else y_BHLV


BLOCK = Linear
