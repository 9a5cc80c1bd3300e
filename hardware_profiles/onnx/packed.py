"""Integer weights in a file in fewer bits than the kernel reads, unpacked once, when a session is created.

A function in the model (ONNX's ``FunctionProto``) turns the stored bytes into the kernel's ``int8``. ONNX Runtime
inlines it and folds it with its constants, so that a run computes what it does for weights that were stored in full.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from search_space.precision import PrecisionFormat

__all__ = ["DOMAIN", "Packer", "packer_of"]

DOMAIN = "nasweave"
_OPSET = 18  # and later ones, where no operator here has changed

Integers = NDArray[np.int8]


@dataclass(frozen=True, kw_only=True, slots=True)
class Packer:
    """How integers ``(out, in)`` are stored.

    Parameters
    ----------
    pack
        Returns the arrays of the file; ``in`` is a multiple of ``multiple``.
    function
        Turns them into ``(in, out)``.
    """

    multiple: int
    pack: Callable[[Integers], list[NDArray[Any]]]
    function: onnx.FunctionProto


def packer_of(form: PrecisionFormat) -> Packer | None:
    """Return how integers of one scale a channel are packed; ``None`` where the file stores what the kernel reads."""
    if form.block_size is not None or form.activation_bits is None:
        return None
    return _TWO_OF_FOUR if form.sparse else _NIBBLES if form.weight_bits == 4 else None


def _pack_nibbles(integers_OI: Integers) -> list[NDArray[Any]]:
    return [_pairs((integers_OI + 8).astype(np.uint8))]


def _pack_two_of_four(integers_OI: Integers) -> list[NDArray[Any]]:
    groups_OG4 = integers_OI.reshape(len(integers_OI), -1, 4)
    # Positions of the two that are kept, in order; of zeros that fill up any do.
    kept_OG2 = np.sort(np.argsort(groups_OG4 == 0, axis=2, kind="stable")[..., :2], axis=2)
    codes_OG = (kept_OG2[..., 0] * 4 + kept_OG2[..., 1]).astype(np.uint8)
    codes_OG = np.pad(codes_OG, ((0, 0), (0, codes_OG.shape[1] % 2)))
    return [np.take_along_axis(groups_OG4, kept_OG2, 2), _pairs(codes_OG)]


def _pairs(nibbles_OI: NDArray[np.uint8]) -> NDArray[Any]:
    return nibbles_OI[:, 0::2] | (nibbles_OI[:, 1::2] << 4)


class _Body:
    """The nodes of a function, in order."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []

    def constant(self, value: NDArray[Any]) -> str:
        return self.apply("Constant", value=numpy_helper.from_array(value))

    def apply(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        name = output or f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def nibbles(self, packed: str) -> str:
        """Unpack bytes ``(out, n)`` into ``(out, 2 n)`` numbers from 0 to 15."""
        sixteen, last = self.constant(np.array(16, np.uint8)), self.constant(np.array([-1], np.int64))
        halves = (self.apply(operator, packed, sixteen) for operator in ("Mod", "Div"))
        pairs = self.apply("Concat", *(self.apply("Unsqueeze", half, last) for half in halves), axis=-1)
        return self.apply("Reshape", pairs, self.constant(np.array([0, -1], np.int64)))

    def function(self, name: str, inputs: list[str], weight_OI: str) -> onnx.FunctionProto:
        """Finish with ``int8`` integers of ``(in, out)``."""
        turned = self.apply("Transpose", weight_OI, perm=[1, 0])
        self.apply("Cast", turned, output="weight", to=TensorProto.INT8)
        return helper.make_function(DOMAIN, name, inputs, ["weight"], self.nodes, [helper.make_opsetid("", _OPSET)])


def _int4() -> onnx.FunctionProto:
    body = _Body()
    wide = body.apply("Cast", body.nibbles("packed"), to=TensorProto.INT32)
    return body.function("Int4", ["packed"], body.apply("Sub", wide, body.constant(np.array(8, np.int32))))


def _two_of_four() -> onnx.FunctionProto:
    places = np.zeros((16, 2, 4), np.int32)
    for code in range(16):
        places[code, [0, 1], divmod(code, 4)] = 1
    body = _Body()
    shape = body.apply("Shape", "values", end=2)
    codes = body.apply("Cast", body.nibbles("codes"), to=TensorProto.INT64)
    ends = body.apply("Slice", shape, *(body.constant(np.array([i], np.int64)) for i in (1, 2)))
    zero, one = (body.constant(np.array([i], np.int64)) for i in (0, 1))
    codes_OG = body.apply("Slice", codes, zero, ends, one)  # without the nibble that fills the last byte
    places_OG24 = body.apply("Gather", body.constant(places), codes_OG, axis=0)
    values_OG2 = body.apply("Cast", "values", to=TensorProto.INT32)
    values_OG21 = body.apply("Unsqueeze", values_OG2, body.constant(np.array([-1], np.int64)))
    spread = body.apply("Mul", values_OG21, places_OG24)
    groups_OG4 = body.apply("ReduceSum", spread, body.constant(np.array([2], np.int64)), keepdims=0)
    weight_OI = body.apply("Reshape", groups_OG4, body.constant(np.array([0, -1], np.int64)))
    return body.function("TwoOfFour", ["values", "codes"], weight_OI)


_NIBBLES = Packer(multiple=2, pack=_pack_nibbles, function=_int4())
_TWO_OF_FOUR = Packer(multiple=4, pack=_pack_two_of_four, function=_two_of_four())
