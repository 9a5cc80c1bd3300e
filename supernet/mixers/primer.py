"""Softmax attention in which each feature of q, k and v first mixes with its neighbours in the sequence.

``y = softmax(q' k'^T / sqrt(K)) v'`` with ``q'_i = sum_t f_t * q_(i - t)``: one filter of ``kernel`` taps for each
feature of each head of q, of k and of v; over the last ``kernel`` tokens when the task is causal, else around i. Keys
and values have ``kv_heads`` heads, which are filtered before each serves as many heads of queries.

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
from supernet.costs import Activations, attention_cost, fused_attention_activations
from supernet.elastic import prefix
from supernet.mixers.softmax import Softmax
from supernet.options import (
    CACHE,
    CACHES,
    KV_HEADS,
    attention_settled,
    cache_problem,
    integer_option,
    integer_problem,
    kv_heads_problem,
)

OPTIONS: dict[str, Scalar] = {"kernel": 3, **KV_HEADS, **CACHE}


def cost(shape: BlockShape) -> Cost:
    """Softmax attention; and a filter for each feature of q, k and v, whose results are copies."""
    length, inner, causal = shape.task.seq_len, shape.attention_dim, shape.task.causal
    kernel, of_keys = integer_option(shape, OPTIONS, "kernel"), shape.kv_heads * shape.head_dim
    live = Activations(length * (inner + 2 * of_keys))
    for features in (inner, of_keys, of_keys):
        padded = length + kernel - 1 if causal else length if shape.task.padded else 0
        live.make(padded * features, length * features)
        live.drop(padded * features)
    kept = length * (inner + 2 * (shape.head_dim if shape.kv_heads == 1 else inner))
    plain = attention_cost(
        shape,
        attend_flops=4 * length**2 * inner + 2 * length * (inner + 2 * of_keys) * kernel,
        attend_activations=max(live.peak - kept, fused_attention_activations(shape)),
        constants=length**2 if causal else 0,
    )
    return replace(plain, other_params=plain.other_params + (inner + 2 * of_keys) * kernel)


def state(shape: BlockShape) -> StateShapes:
    """Room for the filtered keys and values, and for the last ``kernel - 1`` q, k and v before filtering."""
    kept = integer_option(shape, OPTIONS, "kernel") - 1
    asked, past = ((heads, kept, shape.head_dim) for heads in (shape.num_heads, shape.kv_heads))
    return *cache_shapes(shape), asked, past, past


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
        option_choices={"cache": CACHES},
        later_options=frozenset({*KV_HEADS, *CACHE}),
        nested_options=frozenset(KV_HEADS),
        settled=attention_settled,
        check=lambda shape: (
            integer_problem(shape, OPTIONS, "kernel", odd=True) or kv_heads_problem(shape) or cache_problem(shape)
        ),
    )

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(shape)
        self.kernel = integer_option(shape, OPTIONS, "kernel")
        apart, taps = self._own_kv_heads > 0, (1, self.kernel, 1)  # whatever the number of heads, so that prefixes fit
        self.filters = nn.Parameter(torch.empty(1 if apart else 3, shape.attention_dim, *taps))
        kv_filters = nn.Parameter(torch.empty(2, shape.kv_heads * shape.head_dim, *taps)) if apart else None
        self.kv_filters: nn.Parameter | None
        self.register_parameter("kv_filters", kv_filters)

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Let each token begin as mostly itself."""
        for filters in self.parameters():
            nn.init.constant_(filters, 0.5 / self.kernel)
            with torch.no_grad():
                filters[..., self.kernel - 1 if self.shape.task.causal else self.kernel // 2, 0] = 0.5

    def prepare(
        self, q_BHLK: Tensor, k_BGLK: Tensor, v_BGLK: Tensor, mask_BL: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Mix with the neighbours."""
        return self._near(0, q_BHLK, mask_BL), self._near(1, k_BGLK, mask_BL), self._near(2, v_BGLK, mask_BL)

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
        filters = self.filters[which] if which == 0 or self.kv_filters is None else self.kv_filters[which - 1]
        return prefix(filters, features)

    def attend_step(
        self, q_BH1K: Tensor, k_BH1K: Tensor, v_BH1K: Tensor, state: State, *, position: Tensor
    ) -> tuple[Tensor, State]:
        """Filter the token with those before it, then attend to all so far."""
        grouped = q_BH1K.shape[1:3]
        q_BH1K = q_BH1K.flatten(1, 2)[:, :, None]
        near = [torch.cat([before, t], 2) for before, t in zip(state[-3:], (q_BH1K, k_BH1K, v_BH1K), strict=True)]
        q_BH1K, k_BH1K, v_BH1K = (self._nearest(which, t) for which, t in enumerate(near))
        q_BH1K = torch.unflatten(q_BH1K.squeeze(2), 1, grouped)
        y_BH1K, cache = super().attend_step(q_BH1K, k_BH1K, v_BH1K, state[:-3], position=position)
        return y_BH1K, (*cache, *(t[:, :, 1:] for t in near))

    def _nearest(self, which: int, near_BHtK: Tensor) -> Tensor:
        """Return the last ``kernel`` tokens as the filters weigh them, ``(B, H, 1, K)``."""
        heads, dim = near_BHtK.shape[1], near_BHtK.shape[3]
        filters_HtK = torch.unflatten(self._filters(which, heads * dim).flatten(1), 0, (heads, dim)).mT
        return (near_BHtK * filters_HtK).sum(2, keepdim=True)


BLOCK = Primer
