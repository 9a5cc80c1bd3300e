"""Rewriting an exported graph: the integers of ``quantize_weight`` and the kernels that were asked for."""

from collections import Counter

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import numpy_helper
from torch import nn

from hardware_profiles import RUNTIMES, this_device
from hardware_profiles.onnx.export import PATH_KEY, export_onnx
from hardware_profiles.onnx.policy import RUNTIME_KEY, apply_policy
from hardware_profiles.quantization import dequantize_weight, quantize_weight
from search_space.precision import FORMATS


class Attention(nn.Module):
    """Three linear layers that read one tensor, then a fourth; a product of two activations in between."""

    def __init__(self):
        super().__init__()
        self.q, self.k, self.v, self.out = (nn.Linear(32, 32) for _ in range(4))

    def forward(self, x):
        return self.out(torch.softmax(self.q(x) @ self.k(x).transpose(1, 2), -1) @ self.v(x))


@pytest.fixture(scope="module")
def exported():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return export_onnx(Attention().eval(), torch.randn(1, 4, 32))


def operators(model):
    return Counter(node.op_type for node in model.graph.node)


def test_linears_are_marked_and_products_are_not(exported):
    marked = {p.value: n.op_type for n in exported.graph.node for p in n.metadata_props if p.key == PATH_KEY}
    assert marked == dict.fromkeys("qkv", "MatMul") | {"out": "MatMul"}
    assert operators(exported)["MatMul"] == 6
    assert exported.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"


def test_q_k_v_share_one_quantised_input(exported):
    model = apply_policy(exported, dict.fromkeys(("q", "k", "v", "out"), "w8a8"))
    onnx.checker.check_model(model)
    count = operators(model)
    assert count["DynamicQuantizeLinear"] == 2 and count["MatMulInteger"] == 4 and count["MatMul"] == 2


@pytest.mark.parametrize(("precision", "stored"), [("w8a8", 1024), ("w8a8_2of4", 1024 * 5 // 8), ("w4a8c", 512)])
def test_runtime_fuses_the_integer_product_and_unpacks_beforehand(exported, tmp_path, precision, stored):
    model = apply_policy(exported, dict.fromkeys(("q", "k", "v", "out"), precision))
    onnx.checker.check_model(model, full_check=True)
    arrays = [numpy_helper.to_array(t) for t in model.graph.initializer]
    assert sum(a.nbytes for a in arrays if a.dtype in (np.int8, np.uint8) and a.ndim > 1) == 4 * stored
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    options.log_severity_level = 3
    onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    count = operators(onnx.load(tmp_path / "optimized.onnx"))
    assert count["MatMulIntegerToFloat"] + count["DynamicQuantizeMatMul"] == 4
    assert count["MatMulInteger"] == count["Cast"] == count["Gather"] == count["Mod"] == 0


def test_input_model_is_left_alone_and_float_weights_go(exported):
    before = exported.SerializeToString(deterministic=True)
    small = apply_policy(exported, dict.fromkeys(("q", "k", "v", "out"), "w4"))
    assert exported.SerializeToString(deterministic=True) == before
    assert operators(small)["MatMulNBits"] == 4
    weights = sum(numpy_helper.to_array(t).nbytes for t in small.graph.initializer if "integers" in t.name)
    assert weights == 4 * 32 * 32 // 2
    assert not [
        t for t in small.graph.initializer if list(t.dims) == [32, 32] and t.data_type == onnx.TensorProto.FLOAT
    ]


@pytest.mark.parametrize(("precision", "form"), [("w8a8g32", onnx.TensorProto.INT8), ("w4a8", onnx.TensorProto.INT4)])
def test_blocked_weights_are_standard_onnx(exported, precision, form):
    model = apply_policy(exported, dict.fromkeys(("q", "k", "v", "out"), precision))
    onnx.checker.check_model(model, full_check=True)
    assert {o.domain: o.version for o in model.opset_import}[""] == 21
    assert {o.domain: o.version for o in exported.opset_import}[""] < 21
    assert [(p.key, p.value) for p in model.metadata_props] == [(RUNTIME_KEY, "openvino")]
    assert not apply_policy(exported, {"q": "w8a8", "k": "w4"}).metadata_props
    count = operators(model)
    assert count["DequantizeLinear"] == 4 and count["MatMul"] == 6 and count["Pad"] == 0
    assert [t.data_type for t in model.graph.initializer if "integers" in t.name] == [form] * 4


def test_layers_of_one_input_share_its_padding():
    class Pair(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(40, 8), nn.Linear(40, 8)

        def forward(self, x):
            return self.a(x) * self.b(x)

    with torch.random.fork_rng():
        model = export_onnx(Pair().eval(), torch.zeros(1, 4, 40))
    assert operators(apply_policy(model, {"a": "w4a8", "b": "w8a8g32"}))["Pad"] == 1


@pytest.mark.parametrize("precision", FORMATS)
@pytest.mark.parametrize("shape", [(8, 16), (32, 32), (48, 20), (33, 7), (100, 64)])
def test_linear_layers_multiply_by_the_quantised_weight(precision, shape):
    """Against a reference in double precision that knows no ONNX."""
    in_features, out_features = shape
    generator = torch.Generator().manual_seed(in_features)
    weight = torch.randn(out_features, in_features, generator=generator)
    x = torch.randn(3, in_features, generator=generator)
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Gemm", ["batch", "w", "c"], ["output"], transB=1)],
        "one_linear",
        [onnx.helper.make_tensor_value_info("batch", 1, ["batch", in_features])],
        [onnx.helper.make_tensor_value_info("output", 1, ["batch", out_features])],
        [
            numpy_helper.from_array(weight.numpy(), "w"),
            numpy_helper.from_array(np.linspace(-1, 1, out_features, dtype=np.float32), "c"),
        ],
    )
    graph.node[0].metadata_props.add(key=PATH_KEY, value="layer")
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=10)
    form, limit = FORMATS[precision], 1.5  # smaller than the largest input
    unsigned = RUNTIMES["onnxruntime"].unsigned_weights(this_device())  # what this processor computes exactly
    rewritten = apply_policy(model, {"layer": precision}, input_limits={"layer": limit}, unsigned=unsigned)
    options = onnxruntime.SessionOptions()
    if form.activation_group or form.calibrated:  # it would quantise the inputs of blocked weights in a way of its own
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(rewritten.SerializeToString(), options, providers=["CPUExecutionProvider"])
    (got,) = session.run(None, {"batch": x.numpy()})
    inputs = x.double()
    if form.calibrated:
        step = np.float32(limit / 127)
        inputs = torch.from_numpy(np.clip(np.rint(x.numpy() / step), -128, 127) * np.float64(step))
        assert np.abs(x.numpy()).max() > limit
    elif form.activation_bits and form.activation_group is None:
        low, high = min(float(x.min()), 0.0), max(float(x.max()), 0.0)
        step = np.float32((np.float32(high) - np.float32(low)) / 255)
        zero = np.clip(np.rint(-np.float32(low) / step), 0, 255)
        integers = np.clip(np.rint(x.numpy() / step) + zero, 0, 255)
        inputs = torch.from_numpy((integers - zero) * np.float64(step))
    stored = dequantize_weight(*quantize_weight(weight, precision), in_features=in_features).double()
    want = (inputs @ stored.T).numpy() + np.linspace(-1, 1, out_features)
    assert np.linalg.norm(got - want) <= 1e-5 * np.linalg.norm(want)


@pytest.mark.parametrize("precision", FORMATS)
def test_quantised_weights_are_close_and_in_range(precision):
    weight = torch.randn(5, 70, generator=torch.Generator().manual_seed(0))
    weight[2] = 0.0
    integers, scale = quantize_weight(weight, precision)
    top = 2 ** (FORMATS[precision].weight_bits - 1)
    assert torch.equal(integers, integers.round()) and integers.min() >= -top and integers.max() <= top - 1
    stored = dequantize_weight(integers, scale, in_features=70)
    error = (stored - weight).abs()
    if FORMATS[precision].sparse:
        error[stored == 0] = 0
    # Half a step, a whole one for the positive twin of the largest magnitude, which the symmetric range lacks.
    assert (error <= scale.abs().amax() * 1.0001).all()
    assert (error[2] == 0).all()


def test_two_of_each_four_weights_are_kept_and_the_others_shrink_first():
    weight = torch.randn(5, 70, generator=torch.Generator().manual_seed(0))
    weight[2] = 0.0
    dense, scale = quantize_weight(weight, "w8a8")
    sparse, same = quantize_weight(weight, "w8a8_2of4")
    assert torch.equal(scale, same)
    for row, want in zip(sparse, dense, strict=True):
        for start in range(0, 70, 4):
            kept, before = row[start : start + 4], want[start : start + 4]
            assert ((kept == before) | (kept == 0)).all() and (kept != 0).sum() <= 2
            assert sorted(kept.abs(), reverse=True)[:2] == sorted(before.abs(), reverse=True)[:2]
    half, _ = quantize_weight(weight, "w8a8_2of4", pruned=0.5)
    dropped = sparse == 0
    assert torch.equal(half[~dropped], dense[~dropped])
    assert ((half - dense / 2)[dropped].abs() <= 1).all() and (half[dropped] != 0).sum() > 100
    assert torch.equal(quantize_weight(weight, "w8a8_2of4", pruned=0.0)[0], dense)
