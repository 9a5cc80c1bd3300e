"""Softmax attention, by the fastest kernel at hand, and the cache of keys and values that decoding keeps."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from search_space.spec import BlockShape, Int8, StateShapes
from supernet.options import int8_cache

__all__ = [
    "Remembered",
    "attention",
    "cache_shapes",
    "cached_attention",
    "padding_bias",
    "remembered",
    "repeated",
    "through_int8",
    "written",
]

_SHORT = 256
_NEVER = -1e9


def padding_bias(mask_BL: Tensor, dtype: torch.dtype) -> Tensor:
    """Return what hides padding when added to scores: 0 at real tokens, -1e9 at padding, ``(B, 1, 1, L)``.

    Finite, so that a row that sees padding alone is no NaN; its exponential beside a real score is exactly zero.
    """
    return (~mask_BL)[:, None, None].to(dtype) * _NEVER


def attention(
    q_BHLK: Tensor, k_BHSK: Tensor, v_BHSK: Tensor, *, mask: Tensor | None = None, is_causal: bool = False
) -> Tensor:
    """Return ``softmax(q k^T / sqrt(K) + mask) v``, ``(B, H, L, K)``.

    PyTorch's fused kernel, but for short sequences in bfloat16 on a CPU: there plain products are several times faster
    in training (``_SHORT`` tokens or fewer, where the scores take little memory).

    Parameters
    ----------
    mask
        Added to the scores; broadcasts to ``(B, H, L, S)``.
    is_causal
        Whether a token sees none after it.
    """
    if q_BHLK.dtype == torch.bfloat16 and q_BHLK.device.type == "cpu" and k_BHSK.shape[-2] <= _SHORT:
        scores = (q_BHLK * q_BHLK.shape[-1] ** -0.5) @ k_BHSK.mT
        if is_causal:
            mask = torch.full(scores.shape[-2:], -torch.inf).triu(1)
        weights = (scores if mask is None else scores + mask).float().softmax(-1)
        y_BHLK: Tensor = weights.to(v_BHSK.dtype) @ v_BHSK
        return y_BHLK
    return F.scaled_dot_product_attention(q_BHLK, k_BHSK, v_BHSK, attn_mask=mask, is_causal=is_causal)


def cache_shapes(shape: BlockShape, *, tokens: int | None = None) -> StateShapes:
    """Return the shapes ``(G, S, K)`` of a cache of keys and values, of all tokens of the task by default.

    Those of 8-bit integers have a scale for each token and head beside them.
    """
    places = shape.kv_heads, shape.task.seq_len if tokens is None else tokens
    size = (*places, shape.head_dim)
    return (Int8(size), Int8(size), (*places, 1), (*places, 1)) if int8_cache(shape) else (size, size)


@dataclass(frozen=True, slots=True)
class Remembered:
    """All keys and values of a cache, ``(B, G, S, K)`` each; of integers with what one of them means, ``(B, G, S, 1)``.

    Scores and weights are multiplied by that, and not the integers, which are many more.
    """

    k: Tensor
    v: Tensor
    k_scale: Tensor | None = None
    v_scale: Tensor | None = None

    def scores(self, q_BGRK: Tensor) -> Tensor:
        """Return ``q k^T / sqrt(K)``, ``(B, G, R, S)``."""
        scores: Tensor = (q_BGRK * q_BGRK.shape[-1] ** -0.5) @ self.k.to(q_BGRK.dtype).mT
        return scores if self.k_scale is None else scores * self.k_scale.mT

    def mixed(self, weights_BGRS: Tensor) -> Tensor:
        """Return the sums of the values by their weights, ``(B, G, R, K)``."""
        weights = weights_BGRS if self.v_scale is None else weights_BGRS * self.v_scale.mT
        y_BGRK: Tensor = weights @ self.v.to(weights.dtype)
        return y_BGRK


def remembered(
    state: tuple[Tensor, ...], k_BG1K: Tensor, v_BG1K: Tensor, place: Tensor
) -> tuple[Remembered, tuple[Tensor, ...]]:
    """Write one token's key and value at ``place``, an int64 without axes, of a cache of :func:`cache_shapes`.

    Returns all keys and values, and the new cache.
    """
    news: tuple[Tensor, ...] = (k_BG1K, v_BG1K)
    if len(state) > len(news):
        (k, k_scale), (v, v_scale) = map(_integers, news)
        news = (k, v, k_scale, v_scale)
    state = tuple(written(cache, new, place) for cache, new in zip(state, news, strict=True))
    return Remembered(*state), state


def through_int8(t_BGLK: Tensor) -> Tensor:
    """Return keys or values as a cache of integers gives them back; the gradient passes unchanged."""
    with torch.no_grad():
        integers, scale = _integers(t_BGLK)
        exact = integers.to(t_BGLK.dtype) * scale
    return t_BGLK + (exact - t_BGLK).detach() if t_BGLK.requires_grad else exact


def _integers(t_BGLK: Tensor) -> tuple[Tensor, Tensor]:
    """Return 8-bit integers, and what one of them means, ``(B, G, L, 1)``: the largest of a vector is 127 or -127."""
    largest = t_BGLK.abs().amax(-1, keepdim=True)
    scale = torch.where(largest > 0, largest / 127, 1.0)
    return (t_BGLK / scale).round().to(torch.int8), scale


def repeated(t_BGLK: Tensor, times: int) -> Tensor:
    """Return ``(B, times * G, L, K)``: each head so many times in a row."""
    return t_BGLK[:, :, None].expand(-1, -1, times, -1, -1).flatten(1, 2)


def written(cache_BHSK: Tensor, new_BH1K: Tensor, place: Tensor) -> Tensor:
    """Return the cache with one token's values at ``place``, an int64 without axes."""
    here_S1 = (torch.arange(cache_BHSK.shape[2], device=cache_BHSK.device) == place)[:, None]
    return torch.where(here_S1, new_BH1K, cache_BHSK)


def cached_attention(q_BGRK: Tensor, cache: Remembered, *, last: Tensor) -> Tensor:
    """Return the attention of queries of one token to the places ``0 .. last`` of a cache, ``(B, G, R, K)``."""
    seen_1S = (torch.arange(cache.k.shape[2], device=q_BGRK.device) <= last)[None]
    mask = padding_bias(seen_1S, q_BGRK.dtype)
    if cache.k_scale is None:
        return attention(q_BGRK, cache.k, cache.v, mask=mask)
    return cache.mixed((cache.scores(q_BGRK) + mask).softmax(-1))
