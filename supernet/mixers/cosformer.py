"""Linear attention that favours near tokens by a cosine: linear in the number of tokens.

``y_i = sum_j s_ij v_j / (sum_j s_ij + eps)`` with ``s_ij = relu(q_i) relu(k_j) cos(pi / 2 * (i - j) / M)``, M = the
number of tokens and ``j <= i`` when the task is causal. The cosine of a difference splits into the features
``[relu(q) cos(a_i), relu(q) sin(a_i)]`` with ``a_i = pi i / 2M``, so a state of 2K x (K + 1) numbers a head suffices.

The causal form works on chunks as in ``linear``.

Paper: Qin et al. 2022, cosFormer: Rethinking Softmax in Attention.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from search_space.spec import BlockShape, BlockSpec, Cost, StateShapes
from supernet.blocks import State
from supernet.costs import attention_cost
from supernet.mixers.linear import EPS, OPTIONS, Linear, chunks
from supernet.options import integer_problem


def cost(shape: BlockShape) -> Cost:
    """One state of 2K x (K + 1) numbers a head, or one a chunk and the scores inside the chunks."""
    heads, dim, length = shape.num_heads, shape.head_dim, shape.task.seq_len
    count, size = chunks(shape)
    state, tokens = 2 * heads * count * dim * (dim + 1), count * size
    features, result = 2 * heads * tokens * dim, heads * tokens * (dim + 1)
    # Products want each head's tokens together: a copy, but for a single head or where padding has copied already.
    copy = features if heads > 1 and tokens == length else 0
    quotient = heads * length * (dim + 1)
    if not shape.task.causal:
        flops, steps = 4 * state * size, [state + copy + result, result + quotient]
    else:
        scores = heads * count * size**2
        flops = 2 * scores * (3 * dim + 1)
        steps = [2 * copy + scores, scores + result, result + quotient]
        if count > 1:
            flops += 4 * state * size
            steps += [result + copy + state, result + 2 * state, 2 * result + copy + state]
    return attention_cost(
        shape,
        attend_flops=flops,
        attend_activations=2 * features + result + max(steps),
        constants=2 * tokens + (size**2 if shape.task.causal else 0),
    )


def state(shape: BlockShape) -> StateShapes:
    """The sum ``(H, 2K, K + 1)`` of the products of keys and values."""
    return ((shape.num_heads, 2 * shape.head_dim, shape.head_dim + 1),)


class CosFormer(Linear):
    """``(B, H, L, K)`` attention through a state of twice the features."""

    spec = BlockSpec(
        key="cosformer",
        kind="mixer",
        length_bound=True,
        cost=cost,
        state=state,
        paper="cosFormer (2022)",
        has_heads=True,
        shares_projections=True,
        options=OPTIONS,
        settled=lambda shape: {"chunk": chunks(shape)[1]},
        check=lambda shape: integer_problem(shape, OPTIONS, "chunk"),
    )

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(shape)
        angle = torch.arange(self.count * self.size, dtype=torch.float64) * (math.pi / 2 / shape.task.seq_len)
        waves = torch.stack([angle.cos(), angle.sin()], 1)[..., None].to(torch.get_default_dtype())
        self.waves_L21: Tensor
        self.register_buffer("waves_L21", waves, persistent=False)

    def attend(self, q_BHLK: Tensor, k_BHLK: Tensor, v_BHLK: Tensor, mask_BL: Tensor | None = None) -> Tensor:
        """Attend to every real token, or to the past."""
        length = q_BHLK.shape[2]
        extra = self.count * self.size - length  # padding is last, so no real query sees it
        if extra:
            q_BHLK, k_BHLK = F.pad(q_BHLK, (0, 0, 0, extra)), F.pad(k_BHLK, (0, 0, 0, extra))
        q_BHLF, k_BHLF = _features(q_BHLK, self.waves_L21), _features(k_BHLK, self.waves_L21)
        del q_BHLK, k_BHLK
        if mask_BL is not None and not self.shape.task.causal:
            k_BHLF = k_BHLF * mask_BL[:, None, :, None].to(k_BHLF.dtype)
        v_BHLV = F.pad(v_BHLK, (0, 1, 0, extra), value=1.0)  # V = K + 1
        y_BHLV = self._past(q_BHLF, k_BHLF, v_BHLV) if self.shape.task.causal else q_BHLF @ (k_BHLF.mT @ v_BHLV)
        if extra:
            y_BHLV = y_BHLV[:, :, :length]
        return y_BHLV[..., :-1] / (y_BHLV[..., -1:] + EPS)

    def attend_step(
        self, q_BH1K: Tensor, k_BH1K: Tensor, v_BH1K: Tensor, state: State, *, position: Tensor
    ) -> tuple[Tensor, State]:
        """Add the token's product to the sum, read the sum."""
        wave_121 = self.waves_L21.index_select(0, position.reshape(1))
        sum_BHFV = state[0] + _features(k_BH1K, wave_121).mT * F.pad(v_BH1K, (0, 1), value=1.0)
        y_BH1V = _features(q_BH1K, wave_121) @ sum_BHFV
        return y_BH1V[..., :-1] / (y_BH1V[..., -1:] + EPS), (sum_BHFV,)


def _features(x_BHLK: Tensor, waves_L21: Tensor) -> Tensor:
    """Return ``(B, H, L, 2K)``: the positive part times the cosine, then times the sine."""
    return (F.relu(x_BHLK)[..., None, :] * waves_L21).flatten(3)


BLOCK = CosFormer
