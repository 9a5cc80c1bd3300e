"""The contract of every runtime."""

import importlib
import importlib.util
import logging
import sys
import warnings
from copy import deepcopy
from dataclasses import replace
from functools import cache

import numpy as np
import onnx
import pytest
import torch
from onnx.reference import ReferenceEvaluator
from torch import nn

from hardware_profiles import RUNTIMES, Setting, this_device
from hardware_profiles.quantization import quantize_weight
from search_space.errors import ConfigError, RuntimeUnavailableError
from search_space.precision import FLOAT, FLOAT_BYTES, FORMATS


class Two(nn.Module):
    """Two linear layers that read one tensor, and a third on a vector an example."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.last = nn.Linear(40, 24), nn.Linear(40, 24), nn.Linear(24, 5)
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for p in self.parameters():
                p.copy_(torch.randn(p.shape, generator=generator) / 6)

    def forward(self, x):
        return self.last((torch.tanh(self.a(x)) * self.b(x)).mean(1))


MODULE = Two().eval()
EXAMPLE = torch.randn(1, 7, 40, generator=torch.Generator().manual_seed(1))
PATHS = ("a", "b", "last")
INTEGER = [(name, p) for name in RUNTIMES for p in sorted(RUNTIMES[name].precisions - {FLOAT})]

FLOATS = [(name, p) for name in RUNTIMES for p in sorted(RUNTIMES[name].float_precisions - {"fp32"})]


@cache
def prepared(name):
    if RUNTIMES[name].unavailable() is not None:
        pytest.skip(RUNTIMES[name].unavailable())
    return RUNTIMES[name].prepare(MODULE, EXAMPLE)


@pytest.fixture(params=list(RUNTIMES))
def runtime(request):
    return RUNTIMES[request.param]


def batch(n):
    return torch.randn(n, 7, 40, generator=torch.Generator().manual_seed(n)).numpy()


def truth(x, precision=FLOAT):
    """Return the outputs in float, of the weights that the precision keeps."""
    module = deepcopy(MODULE)
    with torch.no_grad():
        if precision != FLOAT and FORMATS[precision].sparse:
            for layer in (module.a, module.b, module.last):
                layer.weight *= quantize_weight(layer.weight, precision)[0] != 0
        return module(torch.from_numpy(x)).numpy()


def test_declarations(runtime):
    assert RUNTIMES[runtime.name] is runtime
    assert FLOAT in runtime.precisions and runtime.precisions <= {FLOAT, *FORMATS}
    assert "fp32" in runtime.float_precisions and runtime.float_precisions <= set(FLOAT_BYTES)
    assert runtime.file_suffix.startswith(".")
    assert runtime.family in RUNTIMES and runtime.family == RUNTIMES[runtime.family].name
    assert all(runtime.settings(p).keys() <= runtime.setting_names for p in runtime.float_precisions)
    assert runtime.open_model is None or runtime.package
    Setting(runtime=runtime.name)


def test_what_everybody_has_is_available_and_the_rest_says_what_to_install(runtime):
    reason = runtime.unavailable()
    if runtime.name in ("onnxruntime", "torch"):
        assert reason is None
    assert reason is None or any(word in reason for word in ("pip install", "install", "CUDA"))


def test_openvino_names_its_extra_where_it_is_not_installed(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "openvino" else find(name))
    assert "nasweave[openvino]" in RUNTIMES["openvino"].unavailable()


def test_version_changes_with_the_library_and_with_the_graph(runtime, monkeypatch):
    if runtime.unavailable() is not None:
        pytest.skip(runtime.unavailable())
    first = runtime.version()
    first, unsigned = first.removesuffix("u"), "u" * first.endswith("u")
    assert first.startswith(runtime.library_version()) and first.endswith("g1") and first.count("+") == 1
    monkeypatch.setattr(type(runtime), "graph_version", 2)
    assert runtime.version() == first.removesuffix("1") + "2" + unsigned
    monkeypatch.setattr(type(runtime), "library_version", lambda self: "9.9")
    assert runtime.version() == "9.9+g2" + unsigned


@pytest.mark.parametrize(
    ("machine", "isa", "unsigned"),
    [
        ("x86_64", ("avx2", "fma"), True),
        ("x86_64", ("avx2", "avx512f"), True),
        ("x86_64", ("avx2", "avx512_vnni", "avx512f"), False),
        ("x86_64", ("avx2", "avx_vnni"), False),
        ("aarch64", ("neon",), False),
    ],
)
def test_weights_are_unsigned_where_the_signed_kernel_saturates(machine, isa, unsigned, monkeypatch):
    device = replace(this_device(), machine=machine, isa=isa)
    for name in ("hardware_profiles.onnx.prepared", "hardware_profiles.runtimes.onnxruntime"):
        monkeypatch.setattr(importlib.import_module(name), "this_device", lambda: device)
    assert RUNTIMES["onnxruntime"].version().endswith("u") == unsigned, "latencies of both are never mixed"
    for precision in ("w8a8", "w8a8_2of4", "w4a8c"):
        model = onnx.load_from_string(prepared("onnxruntime").serialize({"a": precision}))
        (zeros,) = (t for t in model.graph.initializer if t.name.endswith(".zeros"))
        assert (zeros.data_type == onnx.TensorProto.UINT8) == (unsigned and precision != "w4a8c"), precision


@pytest.mark.parametrize("precision", ["w8a8", "w8a8_2of4"])
@pytest.mark.parametrize("unsigned", [False, True])
def test_signed_and_unsigned_weights_are_the_same_numbers(precision, unsigned, monkeypatch):
    """ONNX's own reference computes both with exact integers, on any processor."""
    monkeypatch.setattr(type(RUNTIMES["onnxruntime"]), "unsigned_weights", lambda self, device: unsigned)
    model = onnx.load_from_string(prepared("onnxruntime").serialize(dict.fromkeys(PATHS, precision)))
    (found,) = ReferenceEvaluator(model).run(None, {model.graph.input[0].name: batch(1)})
    monkeypatch.setattr(type(RUNTIMES["onnxruntime"]), "unsigned_weights", lambda self, device: not unsigned)
    model = onnx.load_from_string(prepared("onnxruntime").serialize(dict.fromkeys(PATHS, precision)))
    (other,) = ReferenceEvaluator(model).run(None, {model.graph.input[0].name: batch(1)})
    np.testing.assert_array_equal(found, other)
    executable = prepared("onnxruntime").compile(policy=dict.fromkeys(PATHS, precision), threads=1)
    if unsigned is False:  # what runs now is unsigned: exact everywhere
        np.testing.assert_allclose(executable.run(batch(1)), found, rtol=1e-4, atol=1e-5)


def test_unknown_runtime_lists_the_known():
    with pytest.raises(ConfigError, match="onnxruntime, openvino, torch"):
        RUNTIMES["tensorflow"]


def test_float_equals_torch_at_any_batch(runtime):
    executable = prepared(runtime.name).compile(policy={}, threads=1)
    for n in (1, 2, 5):
        np.testing.assert_allclose(executable.run(batch(n)), truth(batch(n)), rtol=1e-4, atol=1e-6)


def test_runs_are_repeatable_and_leave_the_input(runtime):
    executable = prepared(runtime.name).compile(policy={}, threads=1)
    x = batch(3)
    first = executable.run(x)
    np.testing.assert_array_equal(x, batch(3))
    np.testing.assert_array_equal(executable.run(x), first)


@pytest.mark.parametrize(("name", "precision"), INTEGER)
def test_integer_precisions_change_the_result_a_little(name, precision):
    executable = prepared(name).compile(policy=dict.fromkeys(PATHS, precision), threads=1)
    expected = truth(batch(1), precision)
    error = np.linalg.norm(executable.run(batch(1)) - expected) / np.linalg.norm(expected)
    assert 1e-5 < error < 0.2


@pytest.mark.parametrize(("name", "precision"), FLOATS)
def test_float_precisions_change_the_result_a_little(name, precision):
    executable = prepared(name).compile(policy={}, threads=1, float_precision=precision)
    output = executable.run(batch(2))
    assert output.dtype == np.float32
    error = np.linalg.norm(output - truth(batch(2))) / np.linalg.norm(truth(batch(2)))
    if RUNTIMES[name].warnings(this_device()) and error < 1e-6:
        pytest.skip("this processor has no such products")
    assert 1e-5 < error < 0.05


def test_float_precision_that_it_lacks_is_refused(runtime):
    for precision in {*FLOAT_BYTES, "fp8"} - runtime.float_precisions:
        with pytest.raises(RuntimeUnavailableError, match=rf"float_precision.*{runtime.name}.*got {precision}"):
            prepared(runtime.name).compile(policy={}, threads=1, float_precision=precision)


@pytest.mark.parametrize(("name", "precision"), INTEGER)
def test_one_preparation_serves_many_policies(name, precision):
    one = prepared(name)
    mixed = one.compile(policy={"a": precision, "last": FLOAT}, threads=1).run(batch(1))
    alone = RUNTIMES[name].compile(MODULE, EXAMPLE, policy={"a": precision}, threads=1).run(batch(1))
    np.testing.assert_array_equal(mixed, alone)
    assert not np.array_equal(mixed, one.compile(policy=dict.fromkeys(PATHS, precision), threads=1).run(batch(1)))
    np.testing.assert_allclose(one.compile(policy={}, threads=1).run(batch(1)), truth(batch(1)), rtol=1e-4, atol=1e-6)


def test_precision_that_it_lacks_is_refused_with_the_node(runtime):
    for precision in {*FORMATS, "w1"} - runtime.precisions:
        with pytest.raises(RuntimeUnavailableError, match=rf"precision of b.*{runtime.name}.*got {precision}"):
            prepared(runtime.name).compile(policy={"b": precision}, threads=1)


@pytest.mark.parametrize(("name", "precision"), INTEGER)
def test_path_that_is_no_linear_layer_is_refused(name, precision):
    with pytest.raises(RuntimeUnavailableError, match="precision of nowhere"):
        prepared(name).compile(policy={"a": precision, "nowhere": precision}, threads=1)


def test_saved_model_is_whole_and_of_its_size(runtime, tmp_path):
    executable = prepared(runtime.name).compile(policy={}, threads=1)
    path = tmp_path / "deep" / f"model{runtime.file_suffix}"
    executable.save(path)
    executable.save(path)
    assert path.stat().st_size == executable.size_bytes
    assert executable.size_bytes > 4 * sum(p.numel() for p in MODULE.parameters())
    assert [f.name for f in path.parent.iterdir()] == [path.name]
    assert str(sys.prefix).encode() not in path.read_bytes()


def test_compiling_is_silent_and_leaves_no_trace(runtime, capfd):
    prepared(runtime.name)  # what a library says when it is first imported is not ours
    loggers = ("", "torch", "torch.onnx", "torch.export", "onnxscript")
    before = (
        torch.get_rng_state(),
        torch.get_num_threads(),
        list(warnings.filters),
        [(logging.getLogger(n).level, list(logging.getLogger(n).handlers)) for n in loggers],
        torch.is_grad_enabled(),
        sys.stdout,
        {k: v.clone() for k, v in MODULE.state_dict().items()},
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        runtime.compile(MODULE, EXAMPLE, policy={}, threads=1).run(batch(1))
    assert not caught
    assert capfd.readouterr() == ("", "")
    assert torch.equal(torch.get_rng_state(), before[0])
    assert torch.get_num_threads() == before[1] and torch.is_grad_enabled() == before[4] and sys.stdout is before[5]
    assert list(warnings.filters) == before[2]
    assert [(logging.getLogger(n).level, list(logging.getLogger(n).handlers)) for n in loggers] == before[3]
    assert not MODULE.training
    assert all(torch.equal(v, before[6][k]) for k, v in MODULE.state_dict().items())


def test_threads_of_the_process_are_restored(runtime):
    threads = torch.get_num_threads()
    executable = prepared(runtime.name).compile(policy={}, threads=threads + 1)
    executable.run(batch(1))
    assert torch.get_num_threads() == threads
