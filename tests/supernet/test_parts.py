"""Networks' graphs put together from those of their blocks: nodes, outputs and names of an export of the whole."""

import logging
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
import yaml
from torch import nn

from hardware_profiles import RUNTIMES
from hardware_profiles.onnx.cache import GraphCache
from hardware_profiles.onnx.export import INPUT, OUTPUT, PATH_KEY, export_onnx
from hardware_profiles.onnx.library import GraphLibrary, graph_library
from hardware_profiles.onnx.parts import Part
from hardware_profiles.onnx.template import NotComposableError, export_template
from search_space import Architecture, Block, Geometry, Layer, TaskShape, space_from_mapping
from search_space.precision import FLOAT
from supernet import Network, block_module, catalogue, example_input
from supernet.blocks import deployed
from supernet.elastic import reset_parameters
from supernet.graphs import export_ahead
from supernet.parts import part_of, parts_of_blocks

SPACES = Path(__file__).parents[2] / "hydra_conf" / "space"
IMAGE = TaskShape(input_shape=(1, 8, 8), num_outputs=10, seq_len=16, grid=(4, 4))
IDS = {"vocab_size": 300, "stem": "tokens"}
TASKS = {
    "vit_tiny": IMAGE,
    "vit_all": TaskShape(input_shape=(1, 32, 32), num_outputs=10, seq_len=64, grid=(8, 8)),
    "series": TaskShape(input_shape=(96, 7), num_outputs=24, seq_len=42, grid=(7, 6), stem="series", head="forecast"),
    "text": TaskShape(input_shape=(32,), num_outputs=20, seq_len=32, padded=True, **IDS),
    "text_causal": TaskShape(input_shape=(64,), num_outputs=50, seq_len=64, causal=True, head="language_model", **IDS),
}


def space_of(name):
    declaration = yaml.safe_load((SPACES / f"{name}.yaml").read_text())
    return space_from_mapping(declaration, task=TASKS[name], catalogue=catalogue())


def network_of(architecture, geometry, *, simulate_precision=False):
    """Return a network in which no two weights are alike."""
    generator = torch.Generator().manual_seed(3)
    network = Network(architecture, geometry, simulate_precision=simulate_precision)
    reset_parameters(network, generator)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return deployed(network.eval())


def example_of(geometry, count):
    batch = example_input(geometry.task, batch_size=count, generator=torch.Generator().manual_seed(5))
    if geometry.task.padded:
        batch[0, -9:] = 0
    return batch


def run(model, batch):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run([OUTPUT], {INPUT: batch.numpy()})[0]


def operators(model):
    return Counter((node.domain, node.op_type) for node in model.graph.node)


def relative(a, b):
    return np.linalg.norm(a - b) / np.linalg.norm(b)


@pytest.mark.parametrize("name", TASKS)
def test_a_composed_network_is_the_exported_one(name):
    space, rng = space_of(name), np.random.default_rng(1)
    architecture = space.sample(rng).in_float()
    network = network_of(architecture, space.geometry)
    batch = example_of(space.geometry, 3)
    assert network.parts(batch) is not None
    composed, exported = graph_library().graph(network, batch[:1]), export_onnx(network, batch[:1])
    onnx.checker.check_model(composed, full_check=True)
    np.testing.assert_allclose(run(composed, batch), run(exported, batch), rtol=0, atol=1e-6)
    assert operators(composed) == operators(exported)
    marked = [
        Counter(p.value for n in m.graph.node for p in n.metadata_props if p.key == PATH_KEY)
        for m in (composed, exported)
    ]
    assert marked[0] == marked[1] and marked[0].total() > 0
    assert composed.graph.input[0].type == exported.graph.input[0].type
    assert composed.graph.output[0].type == exported.graph.output[0].type


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("seed", range(3))
def test_random_networks_compute_in_float_what_pytorch_does(name, seed):
    space = space_of(name)
    network = network_of(space.sample(np.random.default_rng(10 + seed)).in_float(), space.geometry)
    batch = example_of(space.geometry, 2)
    with torch.no_grad():
        expected = network(batch).numpy()
    for runtime in (r for r in ("onnxruntime", "openvino") if RUNTIMES[r].unavailable() is None):
        prepared = RUNTIMES[runtime].prepare(network, batch[:1])
        found = prepared.compile(policy={}, threads=1).run(batch.numpy())
        assert relative(found, expected) < 1e-5, runtime
