"""What every stem, mixer, channel mixer and head must keep in a file: outputs at any batch, precisions and sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import groupby
from pathlib import Path

import onnx
import pytest
import torch
from onnx.numpy_helper import to_array
from torch import Tensor

from hardware_profiles import RUNTIMES, this_device
from hardware_profiles.input_limits import input_limits
from hardware_profiles.onnx.export import OUTPUT
from hardware_profiles.onnx.library import graph_library
from hardware_profiles.onnx.policy import apply_policy
from hardware_profiles.portable.pt2_archive import load_program
from search_space import Architecture, Block, Geometry, Layer
from search_space.precision import FLOAT, FORMATS
from supernet import Network
from supernet.blocks import deployed
from supernet.elastic import ElasticLinear, reset_parameters
from tests.contracts.block_cases import CASES, CATALOGUE, TASKS, Case, forms

# The largest difference that separate roundings of equal integers explain.
PRECISION_TOLERANCE = 1e-3


EXPORTS = [
    c for c in CASES if c.form == forms(c.spec)[0] or (c.form in ("causal", "padded") and c.spec.kind == "mixer")
]


def _inputs(case: Case) -> tuple[str, str, tuple[int, ...]]:
    return case.spec.kind, case.form, tuple(case.example(1).shape)


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


def weights_beside(case: Case, module: torch.nn.Module) -> int:
    """Return the bytes of the weights that a stem adds to the head's outputs with, which the stem's own graph lacks."""
    total = module(case.example(2, embed_dim=24)).sum()
    if total.requires_grad:
        total.backward()
    found = sum(p.nbytes for p in module.parameters() if p.requires_grad and p.grad is None)
    module.zero_grad()
    return found


@pytest.mark.parametrize("case", EXPORTS, ids=str)
def test_size_is_what_the_exported_file_stores(case):
    module, block, model = exported(case)
    cost = case.geometry.cost(block, CATALOGUE)
    beside = weights_beside(case, module) if case.spec.kind == "stem" else 0
    chooses = case.spec.has_linears and case.spec.kind in ("mixer", "channel_mixer")
    for precision in sorted(RUNTIMES["onnxruntime"].precisions) if chooses else (FLOAT,):
        module.block = replace(block, precision=precision)
        stored = apply_policy(model, module.precision_policy()).graph
        arrays = [to_array(tensor) for tensor in stored.initializer]
        arrays += [to_array(a.t) for node in stored.node for a in node.attribute if a.HasField("t")]
        scalars_and_shapes = sum(a.nbytes for a in arrays) - (cost.size_bytes(precision, "fp32") - beside)
        assert 0 <= scalars_and_shapes < 640, precision


def opened(module: torch.nn.Module, example: Tensor, path: Path) -> torch.nn.Module:
    """Return a module after its export, as it is opened from a file of unknown origin."""
    program = torch.export.export(module, (example,), dynamic_shapes=({0: torch.export.Dim.DYNAMIC},))
    torch.export.save(program, path)
    return load_program(path)


class Beside(torch.nn.Module):
    """Blocks that take the same inputs, in one program: an export and its opening take long whatever is in them."""

    def __init__(self, blocks: Sequence[torch.nn.Module]) -> None:
        super().__init__()
        self.blocks = torch.nn.ModuleList(blocks)

    def forward(self, x: Tensor) -> list[Tensor]:
        return [block(x) for block in self.blocks]


TOGETHER = {key: list(cases) for key, cases in groupby(sorted(EXPORTS, key=_inputs), key=_inputs)}


@pytest.mark.parametrize("cases", TOGETHER.values(), ids=["-".join(map(str, key[:2])) for key in TOGETHER])
def test_pt2_opens_and_runs_at_another_batch(cases, tmp_path):
    module = Beside([deployed(case.module(case.block())) for case in cases]).eval()
    x = cases[0].example(5)
    found = opened(module, cases[0].example(2), tmp_path / "blocks.pt2")(x)
    for case, y, expected in zip(cases, found, module(x), strict=True):
        torch.testing.assert_close(y, expected, rtol=0, atol=1e-5, msg=lambda text, case=case: f"{case}: {text}")


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
