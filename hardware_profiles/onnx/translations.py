"""Operators of PyTorch in ONNX with as few nodes as they need.

The exporter's own translation of attention transposes the keys through two reshapes whose shapes it computes while
running, and scales queries and keys apart: ten more nodes, which cost a tenth of a small network's time. It writes a
transposed matrix as an Einsum, and has neither squares nor casts, which often change nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

__all__ = ["translations"]


def translations() -> dict[Callable[..., Any], Callable[..., Any]]:
    """Return the table for ``torch.onnx.export(custom_translation_table=...)``."""
    import torch

    aten = torch.ops.aten
    return {
        aten.scaled_dot_product_attention.default: _attention,
        aten.mT.default: _transposed,
        aten.square.default: _square,
        aten.to.dtype: _cast,
        aten.clone.default: _clone,
    }


# The exporter matches arguments by the names of the ATen schema, and hands over onnxscript's symbolic tensors.
def _attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Any:
    import numpy as np
    import onnx
    from onnxscript import opset20 as op

    if dropout_p != 0.0 or enable_gqa:
        raise ValueError("dropout or grouped queries, of which neither exists in evaluation mode")
    factor = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    scores = op.MatMul(op.Mul(query, op.Constant(value_float=factor)), _transposed(key))
    if is_causal:
        lengths = query.shape[-2], key.shape[-2]
        if not all(isinstance(n, int) for n in lengths):
            raise ValueError("a causal network is exported at one length")
        future = np.triu(np.full(lengths, -np.inf, np.float32), 1)
        scores = op.Add(scores, op.Constant(value=onnx.numpy_helper.from_array(future)))
    elif attn_mask is not None and attn_mask.dtype == onnx.TensorProto.BOOL:
        scores = op.Where(attn_mask, scores, op.Constant(value_float=-math.inf))
    elif attn_mask is not None:
        scores = op.Add(scores, attn_mask)
    return op.MatMul(op.Softmax(scores, axis=-1), value)


def _transposed(self: Any) -> Any:
    from onnxscript import opset20 as op

    axes = list(range(len(self.shape)))
    return op.Transpose(self, perm=[*axes[:-2], axes[-1], axes[-2]])


def _square(self: Any) -> Any:
    from onnxscript import opset20 as op

    return op.Mul(self, self)


def _cast(self: Any, dtype: Any, non_blocking: bool = False, copy: bool = False, memory_format: Any = None) -> Any:
    from onnxscript import opset20 as op

    return op.Identity(self) if self.dtype == dtype else op.Cast(self, to=dtype)


def _clone(self: Any, memory_format: Any = None) -> Any:
    """Keep what is made of the clone of a weight as a computation, which the exporter would store beside the weight.

    Runtimes compute it once, when they load a model.
    """
    from onnxscript import opset20 as op

    if self.producer() is not None:
        return op.Identity(self)
    shape: Any = op.Constant(value_ints=[1])
    return op.Add(self, op.ConstantOfShape(shape))  # which the exporter does not fold
