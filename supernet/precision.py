"""Simulate the runtime's integer arithmetic in float, straight-through in training.

Weights are exactly the exported ones (``hardware_profiles.quantization``). Activations of ``w8a8``, ``w8a8_2of4`` and
``w4a8c`` follow ONNX's DynamicQuantizeLinear, asymmetric uint8, with one range per example: that equals the runtime at
batch 1, and makes the quality of a network independent of the batch it is evaluated in. Those of ``w8a8g32`` and
``w4a8`` follow OpenVINO's dynamic quantisation, symmetric int8 with one scale for every 32 features of a token, at any
batch. Those of ``w8a8s`` are symmetric int8 in the range that calibration found for a layer; before that, in the range
of each example.

Paper: Bengio et al. 2013 (straight-through estimator); Jacob et al. 2018 (integer-arithmetic-only inference).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from hardware_profiles.quantization import dequantize_weight, quantize_weight
from search_space.precision import FLOAT, FORMATS

__all__ = ["simulate_input", "simulate_weight"]


def simulate_input(x_BLD: Tensor, precision: str, *, limit: Tensor | None = None) -> Tensor:
    """Return ``x`` as the integer kernel sees it; the gradient passes unchanged.

    ``limit`` is the largest magnitude that a calibrated format represents, a float without axes; 0 if not yet known.
    """
    if precision == FLOAT or FORMATS[precision].activation_bits is None:
        return x_BLD
    with torch.no_grad():
        form = FORMATS[precision]
        if form.calibrated:
            exact = _symmetric(x_BLD, limit)
        else:
            exact = _one_range(x_BLD) if form.activation_group is None else _grouped(x_BLD, form.activation_group)
    return x_BLD + (exact - x_BLD).detach() if x_BLD.requires_grad else exact


def simulate_weight(weight_OI: Tensor, precision: str, *, pruned: float = 1.0) -> Tensor:
    """Return the weight as it is stored; the gradient passes unchanged, also to weights that a sparse format drops.

    ``pruned`` is how far these have gone to zero, below 1 while training anneals them.
    """
    if precision == FLOAT:
        return weight_OI
    with torch.no_grad():
        integers, scale = quantize_weight(weight_OI, precision, pruned=pruned)
        exact = dequantize_weight(integers, scale, in_features=weight_OI.shape[1])
    return weight_OI + (exact - weight_OI).detach() if weight_OI.requires_grad else exact


def _one_range(x_BLD: Tensor) -> Tensor:
    dims = tuple(range(1, x_BLD.dim()))
    low, high = x_BLD.amin(dims, keepdim=True).clamp(max=0), x_BLD.amax(dims, keepdim=True).clamp(min=0)
    scale = (high - low) / 255
    scale = torch.where(scale > 0, scale, torch.ones_like(scale))
    zero = (-low / scale).round().clamp(0, 255)
    q_BLD = ((x_BLD / scale).round() + zero).clamp(0, 255)
    return (q_BLD - zero) * scale


def _symmetric(x_BLD: Tensor, limit: Tensor | None) -> Tensor:
    largest = x_BLD.abs().amax(tuple(range(1, x_BLD.dim())), keepdim=True)
    scale = (largest if limit is None else torch.where(limit > 0, limit, largest)) / 127
    scale = torch.where(scale > 0, scale, torch.ones_like(scale))
    return (x_BLD / scale).round().clamp(-128, 127) * scale


def _grouped(x_BLD: Tensor, group: int) -> Tensor:
    features = x_BLD.shape[-1]
    padded = F.pad(x_BLD, (0, -features % group))
    x_BLGN = padded.reshape(*padded.shape[:-1], -1, group)
    scale = x_BLGN.abs().amax(-1, keepdim=True) / 127
    scale = torch.where(scale > 0, scale, torch.ones_like(scale))
    exact = (x_BLGN / scale).round() * scale
    return exact.reshape(padded.shape)[..., :features]
