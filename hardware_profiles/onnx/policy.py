"""Rewrite an exported model node by node to a precision policy.

``w8a8`` becomes DynamicQuantizeLinear and MatMulInteger, in the form that ONNX Runtime fuses into one kernel; linear
layers that read one tensor share its quantisation. ``w8a8_2of4`` and ``w4a8c`` become the same, from packed weights.
On x86 without VNNI the kernel for signed 8-bit weights adds two products in 16 bits, which saturates; that for unsigned
ones is exact and about as fast, so there the weights are stored with 128 added, and 128 as their zero point.
``w8`` and ``w4`` become ``com.microsoft.MatMulNBits``, computing in float. ``w8a8g32`` and ``w4a8`` become
DequantizeLinear in blocks and MatMul, of standard ONNX: OpenVINO keeps such weights as integers and quantises the
inputs while running, other runtimes compute in float. ``w8a8s`` becomes QuantizeLinear and DequantizeLinear around a
MatMul, which OpenVINO computes in integers. The integers are those of
:func:`hardware_profiles.quantization.quantize_weight`.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from hardware_profiles.onnx.export import PATH_KEY
from hardware_profiles.onnx.packed import DOMAIN, packer_of
from hardware_profiles.quantization import quantize_weight
from search_space.errors import RuntimeUnavailableError
from search_space.precision import FLOAT, FORMATS

__all__ = ["RUNTIME_KEY", "apply_policy"]

RUNTIME_KEY = "nasweave.runtime"  # of a graph that one runtime alone computes as it is simulated

_MICROSOFT = "com.microsoft"
_MIDDLE = 128  # what an unsigned integer of 8 bits has for zero
_BLOCKED_OPSET = 21  # of DequantizeLinear in blocks and of 4-bit tensors


def apply_policy(
    model: onnx.ModelProto,
    policy: Mapping[str, str],
    *,
    input_limits: Mapping[str, float] | None = None,
    packed: bool = True,
    unsigned: bool = False,
) -> onnx.ModelProto:
    """Return a copy of the model whose linear layers have the precisions of the policy.

    Parameters
    ----------
    model
        Of :func:`hardware_profiles.onnx.export.export_onnx`.
    policy
        Precision by module path; a path that is absent stays float.
    input_limits
        Largest magnitude of the inputs that a calibrated precision represents, by module path.
    packed
        Whether weights are stored in no more bits than they have, with a function in the model that unpacks them.
    unsigned
        Whether the kernels read 8-bit weights as unsigned integers, which are the same numbers.

    Raises
    ------
    RuntimeUnavailableError
        When a path names no linear layer of the graph.
    """
    wanted = {path: precision for path, precision in policy.items() if precision != FLOAT}
    result = onnx.ModelProto()
    result.CopyFrom(model)
    rewriter = _Rewriter(result, input_limits=input_limits or {}, packed=packed, unsigned=unsigned)
    nodes = [made for node in result.graph.node for made in rewriter.rewrite(node, wanted)]
    missing = sorted(wanted.keys() - rewriter.found)
    if missing:
        raise RuntimeUnavailableError(
            f"precision of {missing[0]}",
            expected="a linear layer in the exported graph",
            got=f"none ({len(missing)} of {len(wanted)} missing)",
            remedy="leave this block in float or choose another",
        )
    del result.graph.node[:]
    result.graph.node.extend(nodes)
    _drop_unused(result.graph)
    if rewriter.uses_microsoft and not any(o.domain == _MICROSOFT for o in result.opset_import):
        result.opset_import.append(helper.make_opsetid(_MICROSOFT, 1))
    (standard,) = (o for o in result.opset_import if o.domain == "")
    if rewriter.needs_openvino:
        standard.version = max(standard.version, _BLOCKED_OPSET)  # 21 widens the types of 20 and changes no meaning
        result.metadata_props.add(key=RUNTIME_KEY, value="openvino")
    if rewriter.functions:
        result.functions.extend(rewriter.functions.values())
        for function in result.functions:
            function.opset_import[0].version = standard.version
        result.opset_import.append(helper.make_opsetid(DOMAIN, 1))
    return result


class _Rewriter:
    """Replaces the nodes of one graph; new tensors get names that no exporter gives."""

    def __init__(
        self, model: onnx.ModelProto, *, input_limits: Mapping[str, float], packed: bool, unsigned: bool
    ) -> None:
        self.input_limits, self.packed, self.unsigned = input_limits, packed, unsigned
        self.graph = model.graph
        self.weights = {tensor.name: tensor for tensor in model.graph.initializer}
        self.quantized: dict[str, tuple[str, str, str]] = {}
        self.padded: dict[str, str] = {}
        self.rounded: dict[str, str] = {}
        self.found: set[str] = set()
        self.functions: dict[str, onnx.FunctionProto] = {}
        self.uses_microsoft = self.needs_openvino = False
        self.count = 0

    def rewrite(self, node: onnx.NodeProto, policy: Mapping[str, str]) -> Iterator[onnx.NodeProto]:
        path = next((p.value for p in node.metadata_props if p.key == PATH_KEY), None)
        precision = FLOAT if path is None else policy.get(path, FLOAT)
        if path is None or precision == FLOAT:
            yield node
            return
        self.found.add(path)
        self.count += 1
        name = f"{path}.{self.count}"
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        weight = numpy_helper.to_array(self.weights[node.input[1]])
        weight_OI = torch.from_numpy(weight.copy() if attributes.get("transB") else weight.T.copy())
        bias = node.input[2] if len(node.input) > 2 else ""
        scales = attributes.get("alpha", 1.0), attributes.get("beta", 1.0)
        if scales != (1.0, 1.0) or attributes.get("transA"):
            raise ValueError(f"{name}: a Gemm that scales or turns its first input")
        output = f"{name}.product" if bias else node.output[0]
        form = FORMATS[precision]
        if form.calibrated:
            yield from self._calibrated(
                name, node.input[0], weight_OI, precision, output, limit=self.input_limits[path]
            )
        else:
            blocked = form.activation_group is not None
            build = self._blocked if blocked else self._integer if form.activation_bits else self._weight_only
            yield from build(name, node.input[0], weight_OI, precision, output)
        if bias:
            yield helper.make_node("Add", [output, bias], [node.output[0]], name=f"{name}.add")

    def _store(self, name: str, array: NDArray[np.generic]) -> str:
        self.graph.initializer.append(numpy_helper.from_array(array, name))
        return name

    def _integer(
        self, name: str, source: str, weight_OI: torch.Tensor, precision: str, output: str
    ) -> Iterator[onnx.NodeProto]:
        integers, scale = quantize_weight(weight_OI, precision)
        if source not in self.quantized:
            outputs = (f"{name}.input_integers", f"{name}.input_scale", f"{name}.input_zero")
            self.quantized[source] = outputs
            yield helper.make_node("DynamicQuantizeLinear", [source], list(outputs), name=f"{name}.quantize")
        x_integers, x_scale, x_zero = self.quantized[source]
        stored = yield from self._integers(name, integers.numpy().astype(np.int8), precision)
        scales = self._store(f"{name}.scales", scale.squeeze(1).numpy().astype(np.float32))
        zero = np.uint8(_MIDDLE) if self._as_unsigned(precision) else np.int8(0)
        zeros = self._store(f"{name}.zeros", np.full(len(scale), zero))
        total, real, both = f"{name}.total", f"{name}.real", f"{name}.both_scales"
        yield helper.make_node("MatMulInteger", [x_integers, stored, x_zero, zeros], [total], name=f"{name}.matmul")
        yield helper.make_node("Cast", [total], [real], name=f"{name}.cast", to=onnx.TensorProto.FLOAT)
        yield helper.make_node("Mul", [x_scale, scales], [both], name=f"{name}.scale_product")
        yield helper.make_node("Mul", [real, both], [output], name=f"{name}.rescale")

    def _integers(
        self, name: str, integers_OI: NDArray[np.int8], precision: str
    ) -> Generator[onnx.NodeProto, None, str]:
        """Store integers as the format packs them; returns the name of those that the kernel reads, ``(in, out)``."""
        weight, packer = f"{name}.integers", packer_of(FORMATS[precision]) if self.packed else None
        unsigned = self._as_unsigned(precision)
        if packer is None:
            integers_IO = np.ascontiguousarray(integers_OI.T)
            return self._store(weight, (integers_IO ^ -_MIDDLE).view(np.uint8) if unsigned else integers_IO)
        in_features = integers_OI.shape[1]
        missing = -in_features % packer.multiple
        filled_OI = np.pad(integers_OI, ((0, 0), (0, missing)))
        packed = [self._store(f"{name}.packed{i}", array) for i, array in enumerate(packer.pack(filled_OI))]
        self.functions[packer.function.name] = packer.function
        cut = f"{name}.signed" if unsigned else weight
        whole = f"{name}.filled" if missing else cut
        yield helper.make_node(packer.function.name, packed, [whole], name=f"{name}.unpack", domain=DOMAIN)
        if missing:
            ends = [self._store(f"{name}.{n}", np.array([i], np.int64)) for n, i in (("from", 0), ("to", in_features))]
            yield helper.make_node("Slice", [whole, *ends], [cut], name=f"{name}.cut")
        if unsigned:
            middle = self._store(f"{name}.middle", np.array(_MIDDLE, np.int32))
            wide, moved = f"{name}.wide", f"{name}.moved"
            yield helper.make_node("Cast", [cut], [wide], name=f"{name}.widen", to=onnx.TensorProto.INT32)
            yield helper.make_node("Add", [wide, middle], [moved], name=f"{name}.move")
            yield helper.make_node("Cast", [moved], [weight], name=f"{name}.narrow", to=onnx.TensorProto.UINT8)
        return weight

    def _as_unsigned(self, precision: str) -> bool:
        return self.unsigned and FORMATS[precision].weight_bits == 8  # two products of 4-bit weights fit into 16 bits

    def _calibrated(
        self, name: str, source: str, weight_OI: torch.Tensor, precision: str, output: str, *, limit: float
    ) -> Iterator[onnx.NodeProto]:
        integers, scale = quantize_weight(weight_OI, precision)
        self.needs_openvino = True
        if source not in self.rounded:
            self.rounded[source] = f"{name}.rounded"
            x_scale = self._store(f"{name}.input_scale", np.array(limit / 127 if limit > 0 else 1, np.float32))
            x_zero = self._store(f"{name}.input_zero", np.array(0, np.int8))
            made = (f"{name}.input_integers", self.rounded[source])
            yield helper.make_node("QuantizeLinear", [source, x_scale, x_zero], [made[0]], name=f"{name}.quantize")
            yield helper.make_node("DequantizeLinear", [made[0], x_scale, x_zero], [made[1]], name=f"{name}.real_input")
        stored = self._store(f"{name}.integers", np.ascontiguousarray(integers.T.numpy().astype(np.int8)))
        scales = self._store(f"{name}.scales", scale.squeeze(1).numpy().astype(np.float32))
        real = f"{name}.weight"
        yield helper.make_node("DequantizeLinear", [stored, scales], [real], name=f"{name}.dequantize", axis=1)
        yield helper.make_node("MatMul", [self.rounded[source], real], [output], name=f"{name}.matmul")

    def _weight_only(
        self, name: str, source: str, weight_OI: torch.Tensor, precision: str, output: str
    ) -> Iterator[onnx.NodeProto]:
        bits, block = FORMATS[precision].weight_bits, FORMATS[precision].block_size
        assert block is not None
        integers, scale = quantize_weight(weight_OI, precision)
        unsigned = (integers + 2 ** (bits - 1)).numpy().astype(np.uint8)
        packed = unsigned if bits == 8 else unsigned[..., 0::2] | (unsigned[..., 1::2] << 4)
        self.uses_microsoft = True
        out_features, in_features = weight_OI.shape
        yield helper.make_node(
            "MatMulNBits",
            [
                source,
                self._store(f"{name}.integers", np.ascontiguousarray(packed)),
                self._store(f"{name}.scales", scale.squeeze(2).numpy().astype(np.float32)),
            ],
            [output],
            name=f"{name}.matmul",
            domain=_MICROSOFT,
            K=in_features,
            N=out_features,
            bits=bits,
            block_size=block,
            accuracy_level=1,  # inputs and sums in fp32
        )

    def _blocked(
        self, name: str, source: str, weight_OI: torch.Tensor, precision: str, output: str
    ) -> Iterator[onnx.NodeProto]:
        block = FORMATS[precision].block_size
        if block is None or block != FORMATS[precision].activation_group:
            raise ValueError(f"{precision} with a block of {block}")
        integers, scale = quantize_weight(weight_OI, precision)
        self.needs_openvino = True
        if weight_OI.shape[1] % block:
            # The zeros fill the last group of every token, so that it has a scale of its own.
            if source not in self.padded:
                ends = self._store(f"{name}.pads", np.array([0, -weight_OI.shape[1] % block], np.int64))
                axes = self._store(f"{name}.axes", np.array([-1], np.int64))
                self.padded[source] = f"{name}.padded"
                yield helper.make_node("Pad", [source, ends, "", axes], [f"{name}.padded"], name=f"{name}.pad")
            source = self.padded[source]
        stored_IO = np.ascontiguousarray(integers.flatten(1).T.numpy().astype(np.int8))
        if FORMATS[precision].weight_bits == 8:
            stored = self._store(f"{name}.integers", stored_IO)
        else:
            pairs = (stored_IO.reshape(-1, 2).view(np.uint8) & 15).astype(np.uint8)  # whole blocks: an even number
            content = (pairs[:, 0] | (pairs[:, 1] << 4)).tobytes()
            stored = f"{name}.integers"
            tensor = helper.make_tensor(stored, onnx.TensorProto.INT4, stored_IO.shape, content, raw=True)
            self.graph.initializer.append(tensor)
        scales = self._store(f"{name}.scales", np.ascontiguousarray(scale.squeeze(2).T.numpy().astype(np.float32)))
        real = f"{name}.weight"
        yield helper.make_node(
            "DequantizeLinear", [stored, scales], [real], name=f"{name}.dequantize", axis=0, block_size=block
        )
        yield helper.make_node("MatMul", [source, real], [output], name=f"{name}.matmul")


def _drop_unused(graph: onnx.GraphProto) -> None:
    used = set(_names_read(graph))
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def _names_read(graph: onnx.GraphProto) -> Iterator[str]:
    yield from (value.name for value in graph.output)
    for node in graph.node:
        yield from node.input
        for attribute in node.attribute:
            for inner in ([attribute.g] if attribute.HasField("g") else []) + list(attribute.graphs):
                yield from _names_read(inner)
