"""What every stem, mixer, channel mixer and head must keep, whatever it computes.

Each runs at its default options in every form that it declares: on a grid, on a sequence, causal, with padding; stems
and heads also on series, stems behind a class token, those of tokens also with a table of 8-bit integers.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import onnx
import pytest
import torch
from onnx.numpy_helper import to_array
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from hardware_profiles import RUNTIMES, this_device
from hardware_profiles.input_limits import input_limits
from hardware_profiles.onnx.export import OUTPUT
from hardware_profiles.onnx.library import graph_library
from hardware_profiles.onnx.policy import apply_policy
from hardware_profiles.portable.pt2_archive import load_program
from search_space import Architecture, Block, BlockSpec, Geometry, Layer, TaskShape
from search_space.precision import FLOAT, FORMATS
from search_space.spec import Scalar
from supernet import Network
from supernet.blocks import deployed
from supernet.catalogue import CHANNEL_MIXERS, HEADS, MIXERS, STEMS, catalogue
from supernet.elastic import ElasticLinear, reset_parameters
from supernet.example import example_input
from supernet.extract import block_module
from tests.contracts.live_memory import peak_values

# The largest difference that separate roundings of equal integers explain.
PRECISION_TOLERANCE = 1e-3
CATALOGUE = catalogue()
REGISTRIES = {"stem": STEMS, "mixer": MIXERS, "channel_mixer": CHANNEL_MIXERS, "head": HEADS}
TASKS = {
    "grid": TaskShape(input_shape=(3, 16, 16), num_outputs=5, seq_len=64, grid=(8, 8)),
    "sequence": TaskShape(input_shape=(40,), num_outputs=5, seq_len=40),
    "causal": TaskShape(input_shape=(40,), num_outputs=5, seq_len=40, causal=True, vocab_size=50),
    "padded": TaskShape(input_shape=(40,), num_outputs=5, seq_len=40, padded=True, vocab_size=50),
    "class": TaskShape(input_shape=(3, 16, 16), num_outputs=5, seq_len=65),
    "series": TaskShape(input_shape=(24, 5), num_outputs=7, seq_len=20, grid=(5, 4)),
}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Case:
    """A block in one of its forms."""

    spec: BlockSpec
    form: str
    options: Mapping[str, Scalar] = field(default_factory=dict)

    def __str__(self) -> str:
        return "-".join([self.spec.key, self.form, *map(str, self.options.values())])

    @property
    def geometry(self) -> Geometry:
        return Geometry(task=TASKS[self.form], head_dim=8, options={self.spec.key: self.options})

    def block(self, *, embed_dim: int = 16, num_heads: int = 2, ratio: float = 2.0) -> Block:
        return Block(
            kind=self.spec.kind,
            key=self.spec.key,
            embed_dim=embed_dim,
            num_heads=num_heads if self.spec.has_heads else 0,
            ratio=ratio if self.spec.has_ratio else 0.0,
        )

    def module(self, block: Block) -> torch.nn.Module:
        return block_module(block, self.geometry, generator=torch.Generator().manual_seed(1))

    def example(self, batch: int, *, embed_dim: int = 16, seed: int = 0) -> Tensor:
        generator = torch.Generator().manual_seed(100 + seed)
        if self.spec.kind == "stem":
            return example_input(self.geometry.task, batch_size=batch, generator=generator)
        return torch.randn(batch, self.geometry.task.seq_len, embed_dim, generator=generator)


def forms(spec: BlockSpec) -> list[str]:
    """Return the forms in which a block exists; what a form changes nothing for is left out."""
    found = []
    for form, task in TASKS.items():
        exists = spec.causal if task.causal else spec.bidirectional
        exists &= "mixer" not in spec.kind or form != "series"
        exists &= spec.kind != "channel_mixer" or form != "padded"
        exists &= spec.kind == "stem" or form != "class"
        case = Case(spec=spec, form=form)
        if exists and (task.grid or not spec.needs_grid) and not spec.check(case.geometry.shape(case.block())):
            found.append(form)
    return found


SPECS = [block.spec for registry in REGISTRIES.values() for block in registry.values()]
CASES = [Case(spec=s, form=f) for s in SPECS if s.key != "identity" for f in forms(s)]
CASES += [replace(c, options={"table": "int8"}) for c in CASES if "table" in c.spec.options]
each = pytest.mark.parametrize("case", CASES, ids=str)


@pytest.fixture
def float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def double(x: Tensor) -> Tensor:
    """Return values in float64, ids as they are."""
    return x.double() if x.is_floating_point() else x


@pytest.mark.parametrize("kind", REGISTRIES)
def test_declaration(kind):
    for key, block in REGISTRIES[kind].items():
        spec = block.spec
        assert (spec.key, spec.kind) == (key, kind)
        assert spec.bidirectional or spec.causal
        assert spec.runtimes <= set(RUNTIMES)
        assert "Paper" in (importlib.import_module(block.__module__).__doc__ or ""), (
            f"{key}: the module names its paper"
        )
        assert spec.key == "identity" or forms(spec), f"{key}: no form of it can be tested"


@each
def test_a_constant_of_no_sense_is_refused(case):
    shape = case.geometry.shape(case.block())
    for name, default in case.spec.options.items():
        if isinstance(default, bool) or not isinstance(default, int):
            continue
        for value in (0, -1, 1.5, "many"):
            problem = case.spec.check(replace(shape, options={name: value}))
            assert problem and name in problem


@each
@pytest.mark.parametrize("sizes", [{}, {"embed_dim": 24, "num_heads": 1, "ratio": 0.5}])
def test_costs_are_the_real_ones(case, sizes):
    block = case.block(**sizes)
    cost, module, batch = case.geometry.cost(block, CATALOGUE), case.module(block), 3
    assert cost.params == sum(p.numel() for p in module.parameters())
    linears = [m for m in module.modules() if isinstance(m, ElasticLinear)]
    assert sorted((w.out_features, w.in_features, w.bias) for w in cost.linears) == sorted(
        (*m.weight.shape, m.bias is not None) for m in linears
    )
    x = case.example(batch, embed_dim=block.embed_dim)
    # The fused kernel is invisible to the counter; the plain one does the same products.
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        module(x)
    assert cost.flops * batch == counter.get_total_flops()
    assert cost.peak_activations * batch == pytest.approx(peak_values(deployed(module), x).peak, rel=0.1)


@each
def test_flags_tell_what_matters(case):
    module = case.module(case.block())
    assert case.spec.has_linears == any(isinstance(m, ElasticLinear) for m in module.modules())
    wider, more = case.block(ratio=3.0), case.block(num_heads=3)
    assert (case.geometry.cost(wider, CATALOGUE) != case.geometry.cost(case.block(), CATALOGUE)) == case.spec.has_ratio
    assert (case.geometry.cost(more, CATALOGUE) != case.geometry.cost(case.block(), CATALOGUE)) == case.spec.has_heads


def small_inside_large(case: Case) -> tuple[torch.nn.Module, torch.nn.Module, Tensor, Block]:
    """Return the largest block, one of the small sizes with its prefixes, an input, and the small sizes."""
    large, small = case.block(embed_dim=24, num_heads=3, ratio=3.0), case.block()
    big, little = case.module(large), case.module(small)
    source = dict(big.named_parameters())
    with torch.no_grad():
        for p in big.parameters():  # biases and norms start at zero and one: alike at any place
            p.add_(torch.randn(p.shape, generator=torch.Generator().manual_seed(2)) * 0.1)
        for name, p in little.named_parameters():
            p.copy_(source[name][tuple(slice(n) for n in p.shape)])
    return big, little, case.example(2), small


def run_at(module: torch.nn.Module, x: Tensor, block: Block) -> Tensor:
    """Run a block at smaller sizes than it was built for."""
    module.block = block
    return module(x)


@each
def test_a_prefix_of_the_weights_is_the_small_block(case, float64):
    big, little, x, small = small_inside_large(case)
    expected = little(double(x))
    actual = run_at(big, double(x), small)
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-11)
    cotangent = torch.randn(expected.shape, generator=torch.Generator().manual_seed(3))
    expected.backward(cotangent)
    actual.backward(cotangent)
    source = dict(big.named_parameters())
    for name, p in little.named_parameters():
        inside = tuple(slice(n) for n in p.shape)
        torch.testing.assert_close(source[name].grad[inside], p.grad, rtol=0, atol=1e-10)
        outside = source[name].grad.clone()
        outside[inside] = 0
        assert not outside.any(), f"{name}: weights beyond the prefix took part"


@each
def test_slicing_copies_nothing(case):
    big, little, x, small = small_inside_large(case)
    big.block = small
    assert peak_values(big, x).peak == peak_values(little, x).peak


@each
def test_examples_do_not_see_each_other(case):
    module, x = case.module(case.block()), case.example(3)
    torch.testing.assert_close(module(x)[1:2], module(x[1:2]), rtol=1e-4, atol=1e-5)


@each
def test_float64_is_float64_throughout(case, float64):
    module, x = case.module(case.block()), case.example(2)
    y = module(double(x))
    assert y.dtype == torch.float64
    single = x.float() if x.is_floating_point() else x
    torch.testing.assert_close(module.float()(single).double(), y, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("case", [c for c in CASES if c.form == "causal" and c.spec.kind != "head"], ids=str)
def test_the_future_stays_unseen(case, float64):
    module, x, task = case.module(case.block()), double(case.example(1)), case.geometry.task
    y = module(x)
    for cut in (1, 8, 31, 32, 33, 39):
        changed = x.clone()
        if x.is_floating_point():
            changed[:, cut:] += 10 * torch.randn(changed[:, cut:].shape, generator=torch.Generator().manual_seed(cut))
        else:
            changed[:, cut:] = (changed[:, cut:] + 1) % task.vocab_size
        z = module(changed)
        assert torch.equal(y[:, :cut], z[:, :cut]) or (y - z)[:, :cut].abs().max() < 1e-13
        assert (y - z)[:, cut:].abs().amax(-1).min() > 1e-6


EXPORTS = [
    c for c in CASES if c.form == forms(c.spec)[0] or (c.form in ("causal", "padded") and c.spec.kind == "mixer")
]


@cache
def exported(case: Case) -> tuple[torch.nn.Module, Block, onnx.ModelProto]:
    """Return a block in which no two weights are alike, its sizes and its graph, whose export is shared.

    The graph is made from a template that was exported with other weights, which every block must allow.
    """
    block = case.block(embed_dim=24, num_heads=3, ratio=1.5)
    module, generator = case.module(block), torch.Generator().manual_seed(2)
    with torch.no_grad():
        for p in module.parameters():  # equal small tensors, such as biases of zero, would be stored once
            p.add_(torch.randn(p.shape, generator=generator) * 0.1)
    parts = deployed(module).parts(case.example(2, embed_dim=24))
    return module, block, graph_library().composed(parts, outputs=[OUTPUT])


@pytest.mark.parametrize("case", EXPORTS, ids=str)
def test_exports_run_at_another_batch_and_as_simulated(case):
    module, block, _ = exported(case)
    linears = [name for name, m in module.named_modules() if isinstance(m, ElasticLinear)]
    for name in case.spec.runtimes & {"onnxruntime", "openvino", "torch"}:
        runtime = RUNTIMES[name]
        if runtime.unavailable() is not None:
            continue
        prepared = runtime.prepare(module, case.example(2, embed_dim=24))
        for path, limit in input_limits(module, case.example(2, embed_dim=24)).items():
            module.get_submodule(path).input_limit = torch.tensor(limit)  # as calibration would set it
        executable = prepared.compile(policy={}, threads=1)
        for batch in (1, 5):
            x = case.example(batch, embed_dim=24, seed=batch)
            y = torch.from_numpy(executable.run(x.numpy()))
            torch.testing.assert_close(y, module(x).detach(), rtol=0, atol=1e-4)
        precisions = runtime.precisions_on(this_device()) & set(FORMATS)
        for precision in precisions if case.spec.kind in ("mixer", "channel_mixer") else ():
            x, layer = case.example(1, embed_dim=24), one_layer(block, precision)
            with torch.no_grad():
                expected = module.inner(x, layer) - x
            policy = dict.fromkeys(linears, precision)
            y = torch.from_numpy(prepared.compile(policy=policy, threads=1).run(x.numpy())) - x
            in_float = module(x).detach() - x
            assert (y - expected).norm() <= PRECISION_TOLERANCE * expected.norm(), (name, precision)
            # The precision changes something, so equality says something.
            assert not linears or (in_float - expected).norm() > 3 * PRECISION_TOLERANCE * expected.norm(), precision


@pytest.mark.parametrize("case", EXPORTS, ids=str)
def test_size_is_what_the_exported_file_stores(case):
    module, block, model = exported(case)
    cost = case.geometry.cost(block, CATALOGUE)
    chooses = case.spec.has_linears and case.spec.kind in ("mixer", "channel_mixer")
    for precision in sorted(RUNTIMES["onnxruntime"].precisions) if chooses else (FLOAT,):
        module.block = replace(block, precision=precision)
        stored = apply_policy(model, module.precision_policy()).graph
        arrays = [to_array(tensor) for tensor in stored.initializer]
        arrays += [to_array(a.t) for node in stored.node for a in node.attribute if a.HasField("t")]
        scalars_and_shapes = sum(a.nbytes for a in arrays) - cost.size_bytes(precision, "fp32")
        assert 0 <= scalars_and_shapes < 640, precision


def opened(module: torch.nn.Module, example: Tensor, path: Path) -> torch.nn.Module:
    """Return a module after its export, as it is opened from a file of unknown origin."""
    program = torch.export.export(module, (example,), dynamic_shapes=({0: torch.export.Dim.DYNAMIC},))
    torch.export.save(program, path)
    return load_program(path)


@pytest.mark.parametrize("case", EXPORTS, ids=str)
def test_pt2_opens_and_runs_at_another_batch(case, tmp_path):
    module, x = deployed(case.module(case.block())), case.example(5)
    found = opened(module, case.example(2), tmp_path / "block.pt2")(x)
    torch.testing.assert_close(found, module(x), rtol=0, atol=1e-5)


@pytest.mark.parametrize("precision", sorted(FORMATS))
def test_pt2_opens_in_every_precision(precision, tmp_path):
    layer = Layer(
        mixer="softmax",
        num_heads=2,
        channel_mixer="mlp",
        ratio=2.0,
        mixer_precision=precision,
        channel_precision=precision,
    )
    geometry = Geometry(task=TASKS["grid"], head_dim=8)
    network = Network(Architecture(embed_dim=32, layers=(layer,)), geometry).eval()
    reset_parameters(network, torch.Generator().manual_seed(1))
    for module in network.modules():
        if getattr(module, "input_limit", None) is not None:
            module.input_limit.fill_(3.0)
    examples = torch.randn(5, 3, 16, 16, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        found = opened(network, examples[:2], tmp_path / "network.pt2")(examples)
        torch.testing.assert_close(found, network(examples), rtol=0, atol=1e-5)


def one_layer(block: Block, precision: str) -> Layer:
    """Return the layer that runs a block under a precision."""
    mixer, channel = (block.key, "identity") if block.kind == "mixer" else ("identity", block.key)
    return Layer(
        mixer=mixer,
        num_heads=block.num_heads,
        channel_mixer=channel,
        ratio=block.ratio,
        mixer_precision=precision,
        channel_precision=precision,
    )
