"""Softmax attention in which each feature of q, k and v first mixes with its neighbours in the sequence.

``y = softmax(q' k'^T / sqrt(K)) v'`` with ``q'_i = sum_t f_t * q_(i - t)``: one filter of ``kernel`` taps for each
feature of each head of q, of k and of v; over the last ``kernel`` tokens when the task is causal, else around i.

The filters start as the paper's do: 1/2 for the token itself, ``1 / (2 kernel)`` for the others.

Paper: So et al. 2021, Primer: Searching for Efficient Transformers (multi-dconv-head attention).
"""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from search_space.spec import BlockShape, BlockSpec, Cost, Scalar, StateShapes
from supernet.attention import cache_shapes
from supernet.blocks import State
from supernet.costs import attention_cost, fused_attention_activations
from supernet.elastic import prefix
from supernet.mixers.softmax import Softmax
from supernet.options import integer_option, integer_problem

OPTIONS: dict[str, Scalar] = {"kernel": 3}


def cost(shape: BlockShape) -> Cost:
    """Softmax attention; and a filter for each feature of q, k and v, whose results are copies."""
    length, inner, causal = shape.task.seq_len, shape.attention_dim, shape.task.causal
    kernel = integer_option(shape, OPTIONS, "kernel")
    padding = (kernel - 1 if causal else length if shape.task.padded else 0) * inner
    whole = length * inner if causal else 0
    plain = attention_cost(
        shape,
        attend_flops=4 * length**2 * inner + 6 * length * inner * kernel,
        attend_activations=3 * length * inner + max(padding + whole, fused_attention_activations(shape)),
        constants=length**2 if causal else 0,
    )
    return replace(plain, other_params=plain.other_params + 3 * inner * kernel)


def state(shape: BlockShape) -> StateShapes:
    """Room for the filtered keys and values, and for the last ``kernel - 1`` q, k and v before filtering."""
    past = (shape.num_heads, integer_option(shape, OPTIONS, "kernel") - 1, shape.head_dim)
    return *cache_shapes(shape), past, past, past


class Primer(Softmax):
    """``(B, H, L, K)`` attention over tokens that were mixed with their neighbours."""

    spec = BlockSpec(
        key="primer",
        kind="mixer",
        cost=cost,
        state=state,
        paper="Primer (2021)",
        has_heads=True,
        shares_projections=True,
        options=OPTIONS,
        check=lambda shape: integer_problem(shape, OPTIONS, "kernel", odd=True),
    )

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(shape)
        self.kernel = integer_option(shape, OPTIONS, "kernel")
        self.filters = nn.Parameter(torch.empty(3, shape.attention_dim, 1, self.kernel, 1))

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Let each token begin as mostly itself."""
        nn.init.constant_(self.filters, 0.5 / self.kernel)
        with torch.no_grad():
            self.filters[..., self.kernel - 1 if self.shape.task.causal else self.kernel // 2, 0] = 0.5

    def attend(self, q_BHLK: Tensor, k_BHLK: Tensor, v_BHLK: Tensor, mask_BL: Tensor | None = None) -> Tensor:
        """Mix with the neighbours, then attend to every real token, or to the past."""
        q_BHLK, k_BHLK, v_BHLK = (self._near(i, t, mask_BL) for i, t in enumerate((q_BHLK, k_BHLK, v_BHLK)))
        return super().attend(q_BHLK, k_BHLK, v_BHLK, mask_BL)

    def _near(self, which: int, t_BHLK: Tensor, mask_BL: Tensor | None) -> Tensor:
        """Return each feature filtered along the sequence; the heads are a channels-last view, so nothing is moved."""
        heads, dim = t_BHLK.shape[1], t_BHLK.shape[3]
        if mask_BL is not None and not self.shape.task.causal:
            t_BHLK = t_BHLK * mask_BL[:, None, :, None].to(t_BHLK.dtype)
        t_BLE = t_BHLK.transpose(1, 2).flatten(2)
        padding = self.kernel // 2
        if self.shape.task.causal:
            t_BLE, padding = F.pad(t_BLE, (0, 0, self.kernel - 1, 0)), 0
        t_BEl1 = t_BLE[:, :, None].permute(0, 3, 1, 2)
        y_BEL1 = F.conv2d(t_BEl1, self._filters(which, heads * dim), padding=(padding, 0), groups=heads * dim)
        y_BLE = y_BEL1.permute(0, 2, 3, 1).flatten(2)
        return torch.unflatten(y_BLE, 2, (heads, dim)).transpose(1, 2)

    def _filters(self, which: int, features: int) -> Tensor:
        return prefix(self.filters, 3, features)[which]

    def attend_step(
        self, q_BH1K: Tensor, k_BH1K: Tensor, v_BH1K: Tensor, state: State, *, position: Tensor
    ) -> tuple[Tensor, State]:
        """Filter the token with those before it, then attend to all so far."""
        heads, dim = q_BH1K.shape[1], q_BH1K.shape[3]
        near = [torch.cat([before, t], 2) for before, t in zip(state[2:], (q_BH1K, k_BH1K, v_BH1K), strict=True)]
        filters = [self._filters(which, heads * dim).view(heads, dim, self.kernel).mT for which in range(3)]
        q_BH1K, k_BH1K, v_BH1K = ((t * f).sum(2, keepdim=True) for t, f in zip(near, filters, strict=True))
        y_BH1K, cache = super().attend_step(q_BH1K, k_BH1K, v_BH1K, state[:2], position=position)
        return y_BH1K, (*cache, *(t[:, :, 1:] for t in near))


BLOCK = Primer
