"""Integer weights as the runtimes store them: the one definition that export executes and the supernet simulates.

``w8a8``, ``w8a8_2of4`` and ``w4a8c`` are symmetric per output channel, with activations quantised while running; the
second keeps two of each four weights in a row. The others are symmetric per block of inputs: ``w8`` and ``w4`` in the
layout of ONNX Runtime's ``MatMulNBits`` with its default zero point ``2 ** (bits - 1)``, ``w8a8g32`` and ``w4a8`` as
signed integers of ONNX's blocked ``DequantizeLinear``.

Paper: Mishra et al. 2021 (arXiv:2104.08378; 2:4 sparsity).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from search_space.precision import FORMATS

__all__ = ["dequantize_weight", "quantize_weight"]


def quantize_weight(weight_OI: Tensor, precision: str, *, pruned: float = 1.0) -> tuple[Tensor, Tensor]:
    """Quantise the weight of a linear layer.

    Parameters
    ----------
    weight_OI
        ``(out_features, in_features)``.
    precision
        A key of ``search_space.precision.FORMATS``.
    pruned
        How far the weights that a sparse format does not keep have gone to zero, from 0 to 1; below 1 only in training.

    Returns
    -------
    Signed integers (in a float tensor) and scales: ``(out, in)`` and ``(out, 1)`` for one scale a channel,
    ``(out, blocks, block_size)`` and ``(out, blocks, 1)`` for blocks, the last block padded with zeros.
    """
    form = FORMATS[precision]
    top = 2 ** (form.weight_bits - 1)
    if form.sparse:
        weight_OI = _two_of_four(weight_OI, pruned)
    if form.block_size is None:
        scale = weight_OI.abs().amax(1, keepdim=True) / (top - 1)
        scale = torch.where(scale > 0, scale, torch.ones_like(scale))
        return (weight_OI / scale).round().clamp(1 - top, top - 1), scale
    out_features, in_features = weight_OI.shape
    blocks = -(-in_features // form.block_size)
    padded = F.pad(weight_OI, (0, blocks * form.block_size - in_features))
    blocked = padded.reshape(out_features, blocks, form.block_size)
    # The largest magnitude keeps its sign and maps to -top, the one integer without a positive twin.
    largest = blocked.gather(2, blocked.abs().argmax(2, keepdim=True))
    scale = largest / -top
    scale = torch.where(scale != 0, scale, torch.ones_like(scale))
    return (blocked / scale).round().clamp(-top, top - 1), scale


def _two_of_four(weight_OI: Tensor, pruned: float) -> Tensor:
    out_features, in_features = weight_OI.shape
    groups_OG4 = F.pad(weight_OI, (0, -in_features % 4)).reshape(out_features, -1, 4)
    ranks_OG4 = groups_OG4.abs().argsort(dim=2, descending=True, stable=True).argsort(dim=2)
    kept_OI = (ranks_OG4 < 2).reshape(out_features, -1)[:, :in_features]
    return torch.where(kept_OI, weight_OI, weight_OI * (1 - pruned))


def dequantize_weight(integers: Tensor, scale: Tensor, *, in_features: int) -> Tensor:
    """Return the ``(out_features, in_features)`` weight that the integers stand for."""
    return (integers * scale).reshape(integers.shape[0], -1)[:, :in_features]
