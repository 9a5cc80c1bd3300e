import torch
from torch import nn
from torch.onnx._internal.exporter import _registration

from hardware_profiles.onnx.export import export_onnx
from hardware_profiles.onnx.registry import table_made_once

MODULE, EXAMPLE = nn.Sequential(nn.Linear(4, 4), nn.GELU()).eval(), torch.zeros(2, 4)


def test_a_second_export_makes_no_table_and_is_the_first(monkeypatch):
    first, calls = export_onnx(MODULE, EXAMPLE), []
    monkeypatch.setattr(_registration.onnxscript_apis, "get_torchlib_ops", lambda: calls.append(1) or [])
    assert export_onnx(MODULE, EXAMPLE).SerializeToString() == first.SerializeToString() and not calls


def test_what_one_export_registers_the_next_does_not_see():
    with table_made_once():
        one, other = (_registration.ONNXRegistry.from_torchlib(opset_version=18) for _ in range(2))
        one.register_op(torch.ops.aten.relu.default, lambda x: x)
    assert len(one.functions["aten::relu"]) == len(other.functions["aten::relu"]) + 1


def test_without_the_class_exports_go_on(monkeypatch):
    monkeypatch.delattr(_registration.ONNXRegistry, "from_torchlib")
    with table_made_once():
        pass
