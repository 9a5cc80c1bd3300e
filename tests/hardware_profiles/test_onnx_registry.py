from collections import Counter

import onnxruntime
import pytest
import torch
from torch import nn
from torch.onnx._internal.exporter import _fx_passes, _registration

from hardware_profiles.onnx.export import INPUT, export_onnx
from hardware_profiles.onnx.registry import _is_ready, _unshare, decomposed_where_needed, table_made_once

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


class Chosen(nn.Module):
    """A function of a batch of matrices."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def changed_and_read(x):
    return x.mul_(2) + x


def changed_in_a_view(x):
    x[:, 0].add_(1)
    return x.softmax(-1)


@pytest.fixture
def decomposed(monkeypatch):
    """Return the programs that are decomposed."""
    calls, own = [], _fx_passes.decompose_with_registry
    monkeypatch.setattr(_fx_passes, "decompose_with_registry", lambda p, r: calls.append(p) or own(p, r))
    return calls


@pytest.mark.parametrize(
    ("function", "times"),
    [
        (lambda x: (x @ x.mT).softmax(-1).square(), 0),
        (lambda x: torch.nn.functional.layer_norm(x, x.shape[-1:]).unflatten(-1, (2, 2)).flatten(1), 0),
        (lambda x: torch.einsum("bij,bkj->bik", x, x), 1),  # its translation is slower than what it decomposes into
        (lambda x: (x @ x.mT).mul_(2).clamp_(0, 1), 0),
        (lambda x: x.to(torch.float32) + (x > 0).to(x.dtype) + x.to(torch.int64), 0),
        (lambda x: changed_and_read(x @ x.mT), 0),  # a graph reads what became of it
        (lambda x: changed_in_a_view(x @ x.mT), 1),
        (lambda x: torch.var_mean(x, -1, keepdim=True)[0], 1),  # it has none
    ],
)
def test_what_has_translations_is_not_decomposed_and_becomes_the_same(decomposed, monkeypatch, function, times):
    module, x = Chosen(function).eval(), torch.randn(2, 4, 4)
    graph = export_onnx(module, x)
    assert len(decomposed) == times
    monkeypatch.setattr("hardware_profiles.onnx.registry._is_ready", lambda node, known: False)
    always = export_onnx(module, x)
    assert len(decomposed) == times + 1
    for made in (graph, always):
        run = onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"]).run
        torch.testing.assert_close(torch.from_numpy(run(None, {INPUT: x.numpy()})[0]), module(x))
    found, right = (Counter((n.op_type, len(n.input)) for n in g.graph.node) for g in (graph, always))
    assert found == right


def test_what_changes_a_list_or_is_not_of_pytorch_is_left_to_the_exporter():
    graph = torch.fx.Graph()
    x = graph.placeholder("x")
    of_lists = graph.call_function(torch.ops.aten._foreach_add_.Scalar, ([x], 1))
    given = graph.call_function(torch.ops.aten.add.out, (), {"self": x, "other": x, "out": x})
    for node in (of_lists, given):
        before = node.target
        _unshare(node)
        assert node.target is before and not _is_ready(node, {before})


def test_without_the_names_exports_decompose(monkeypatch):
    monkeypatch.delattr(_fx_passes, "decompose_with_registry")
    with decomposed_where_needed():
        pass
