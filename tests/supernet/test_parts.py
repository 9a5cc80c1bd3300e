"""Networks' graphs put together from those of their blocks: nodes, outputs and names of an export of the whole."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
import yaml
from torch import nn

from hardware_profiles import RUNTIMES
from hardware_profiles.input_limits import input_limits
from hardware_profiles.measuring.reference_network import reference_part
from hardware_profiles.onnx.cache import GraphCache
from hardware_profiles.onnx.export import INPUT, OUTPUT, PATH_KEY, export_onnx
from hardware_profiles.onnx.library import GraphLibrary, _key, graph_library
from hardware_profiles.onnx.parts import Part
from hardware_profiles.onnx.policy import apply_policy
from search_space import Block, TaskShape, space_from_mapping
from search_space.precision import FLOAT
from supernet import Network, catalogue, example_input
from supernet.blocks import deployed
from supernet.composing import graphs
from supernet.composing.parts import part_of, parts_of_blocks
from supernet.elastic import ElasticLinear, reset_parameters

SPACES = Path(__file__).parents[2] / "hydra_conf" / "space"
TOKENS = TaskShape(input_shape=(32,), num_outputs=20, seq_len=32, vocab_size=300, stem="tokens")
TASKS = {
    "vit_tiny": TaskShape(input_shape=(1, 8, 8), num_outputs=10, seq_len=16, grid=(4, 4)),
    "vit_all": TaskShape(input_shape=(1, 32, 32), num_outputs=10, seq_len=64, grid=(8, 8)),
    "series": TaskShape(input_shape=(96, 7), num_outputs=24, seq_len=42, grid=(7, 6), stem="series", head="forecast"),
    "text": replace(TOKENS, padded=True),
    "text, a class a word": replace(TOKENS, padded=True, head="language_model"),
    "text_causal": replace(TOKENS, causal=True, head="language_model"),
}
READERS = ("onnxruntime", "openvino")


def space_of(name, **choices):
    declaration = yaml.safe_load((SPACES / f"{name.partition(',')[0]}.yaml").read_text()) | choices
    return space_from_mapping(declaration, task=TASKS[name], catalogue=catalogue())


def small_space_of(name):
    """Return the space with networks of two layers and one width, which have stem and head in common."""
    return space_of(name, depth=[2], embed_dim=space_of(name).embed_dim[:1])


def network_of(architecture, geometry):
    """Return a network in float in which no two weights are alike."""
    generator = torch.Generator().manual_seed(3)
    network = Network(architecture, geometry, simulate_precision=False)
    reset_parameters(network, generator)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return deployed(network.eval())


def batch_of(geometry, count):
    batch = example_input(geometry.task, batch_size=count, generator=torch.Generator().manual_seed(5))
    if geometry.task.padded:
        batch[0, -9:] = 0
    return batch


def operators(model):
    return Counter((node.domain, node.op_type) for node in model.graph.node)


def outputs(model, batch, *, runtime="onnxruntime"):
    return RUNTIMES[runtime].open_model(model.SerializeToString(), {}, 1)(batch.numpy())


def marks(model):
    return Counter(p.value for node in model.graph.node for p in node.metadata_props if p.key == PATH_KEY)


def kernels(model, tmp_path):
    """Return the operators that ONNX Runtime makes of a graph."""
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath, options.log_severity_level = str(tmp_path / "optimized.onnx"), 3
    onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return operators(onnx.load(tmp_path / "optimized.onnx"))


@pytest.mark.parametrize("name", TASKS)
def test_a_composed_network_is_the_exported_one_in_every_precision(name, tmp_path):
    space = small_space_of(name)
    network = network_of(space.sample(np.random.default_rng(1)).in_float(), space.geometry)
    batch = batch_of(space.geometry, 3)
    assert network.parts(batch) is not None
    composed, exported = graph_library().graph(network, batch[:1]), export_onnx(network, batch[:1])
    onnx.checker.check_model(composed, full_check=True)
    assert operators(composed) == operators(exported)
    assert marks(composed) == marks(exported) and marks(composed).total() > 0
    assert kernels(composed, tmp_path) == kernels(exported, tmp_path)
    assert composed.graph.input[0].type == exported.graph.input[0].type
    assert composed.graph.output[0].type == exported.graph.output[0].type
    linears = [path for path, module in network.named_modules() if isinstance(module, ElasticLinear)]
    limits = input_limits(network, batch)
    for runtime in (r for r in READERS if RUNTIMES[r].unavailable() is None):
        for precision in sorted(RUNTIMES[runtime].precisions | {FLOAT}):
            policy = dict.fromkeys(linears, precision)
            rewritten = [apply_policy(m, policy, input_limits=limits) for m in (composed, exported)]
            found, right = (outputs(m, batch, runtime=runtime) for m in rewritten)
            np.testing.assert_allclose(found, right, rtol=0, atol=1e-6, err_msg=f"{runtime} {precision}")


@pytest.mark.parametrize("name", TASKS)
def test_random_networks_compute_what_pytorch_does(name):
    space, rng = small_space_of(name), np.random.default_rng(10)
    batch = batch_of(space.geometry, 2)
    for _ in range(2):
        network = network_of(space.sample(rng).in_float(), space.geometry)
        with torch.no_grad():
            expected = network(batch).numpy()
        for runtime in (r for r in READERS if RUNTIMES[r].unavailable() is None):
            found = RUNTIMES[runtime].compile(network, batch[:1], policy={}, threads=1).run(batch.numpy())
            assert np.linalg.norm(found - expected) < 1e-4 * np.linalg.norm(expected), runtime


def first_part(kind="channel_mixer", key="mlp", *, ratio=1.0):
    block = Block(kind=kind, key=key, embed_dim=32, ratio=ratio)
    return next(iter(parts_of_blocks([block], space_of("vit_tiny").geometry)))


def test_a_recipe_tells_all_of_a_part():
    part = first_part()
    again = part_of(part.recipe)
    assert again.recipe == part.recipe
    shapes = {name: tensor.shape for name, tensor in part.module.state_dict().items()}
    assert {name: tensor.shape for name, tensor in again.module.state_dict().items()} == shapes
    assert first_part(ratio=2.0).recipe != part.recipe


def test_a_graph_on_disk_is_used_if_it_is_right_and_made_anew_if_not(tmp_path, monkeypatch):
    part, other = first_part(), first_part(ratio=2.0)
    template = GraphLibrary(GraphCache(tmp_path)).template(part)
    calls = []
    whole = "hardware_profiles.onnx.library.export_template"
    make = graphs.export_template
    monkeypatch.setattr(whole, lambda p: calls.append(p) or make(p))
    found = GraphLibrary(GraphCache(tmp_path)).template(part)
    assert not calls and found.to_bytes() == template.to_bytes()
    # Under the key of another block, as after a change that no key tells.
    monkeypatch.setattr("hardware_profiles.onnx.library._key", lambda p: part.recipe)
    GraphCache(tmp_path).put(part.recipe, template.to_bytes())
    library = GraphLibrary(GraphCache(tmp_path))
    assert library.template(other).dims != template.dims and calls == [other]


@pytest.fixture(scope="module")
def template():
    return graphs.export_template(first_part())


def spoilt(template, change):
    """Return the bytes of a template whose words on a weight were changed, as a stranger's file may have them."""
    model = onnx.load_from_string(template.to_bytes())
    (told,) = model.metadata_props
    entries = json.loads(told.value)
    change(entries[max(entries)], model)
    told.value = json.dumps(entries)
    return model.SerializeToString()


def with_a_graph_inside(entry, model):
    node = model.graph.node.add(op_type="If", output=["never"], input=["condition"])
    node.attribute.add(name="then_branch", type=onnx.AttributeProto.GRAPH).g.name = "inner"


@pytest.mark.parametrize(
    "change",
    [
        lambda entry, model: entry.update(indices=[10**9]),
        lambda entry, model: entry.update(indices=["x"]),
        lambda entry, model: entry.update(dims=["x"]),
        lambda entry, model: entry.update(dims=[10**30]),
        lambda entry, model: entry.update(dims=7),
        lambda entry, model: entry.update(path=["x"]),
        lambda entry, model: entry.update(path="none"),
        lambda entry, model: entry.update(more=1),
        lambda entry, model: model.graph.input.add(name="another"),
        lambda entry, model: model.graph.node[0].input.append("unheard of"),
        with_a_graph_inside,
    ],
)
def test_a_template_whose_words_do_not_fit_is_made_anew(tmp_path, monkeypatch, template, change):
    part, library = first_part(), GraphLibrary(GraphCache(tmp_path))
    monkeypatch.setattr("hardware_profiles.onnx.library.export_template", lambda p: template)
    library.kept.put(_key(part), spoilt(template, change))
    assert library.missing([part]) == [part]
    assert library.template(part) is template and library.kept.get(_key(part)) == template.to_bytes()


class Folded(nn.Module):
    """Adds a function of its weight, which the exporter computes beforehand."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(4, 4)

    def forward(self, x):
        return self.inner(x) + torch.exp(self.inner.bias)

    def parts(self, example):
        return [
            Part(
                name="folded",
                recipe='{"role":"folded"}',
                module=self,
                path="inner",
                inputs=(INPUT,),
                outputs=(OUTPUT,),
                example=lambda generator: (torch.randn(2, 3, 4, generator=generator),),
            )
        ]


def test_what_has_no_template_is_exported_as_a_whole_and_said(tmp_path, caplog):
    module, x = Folded().eval(), torch.randn(2, 3, 4)
    library = GraphLibrary(GraphCache(tmp_path))
    for _ in range(2):
        model = library.graph(module, x)
        np.testing.assert_allclose(outputs(model, x), module(x).detach().numpy(), atol=1e-6)
    assert len(caplog.records) == 1 and "folded" in caplog.text and "as a whole" in caplog.text
    assert library.kept.size() == (0, 0)


@pytest.fixture
def own_library(tmp_path, monkeypatch):
    library = GraphLibrary(GraphCache(tmp_path / "graphs"))
    monkeypatch.setattr(graphs, "graph_library", lambda: library)
    return library


def test_blocks_are_exported_ahead_in_processes_of_their_own(own_library, monkeypatch):
    geometry = space_of("vit_tiny").geometry
    blocks = [Block(kind="channel_mixer", key="mlp", embed_dim=d, ratio=1.0) for d in (32, 48)]
    monkeypatch.setattr(graphs, "_PARTS_A_PROCESS", 1)
    told = []
    done = graphs.export_ahead(blocks, geometry, processes=2, progress=lambda *what: told.append(what[:2]))
    assert done == 3 and told == [(0, 3), (1, 3), (2, 3), (3, 3)] and own_library.kept.size()[0] == 3
    parts = [*parts_of_blocks(blocks, geometry), reference_part()]
    assert not own_library.missing(parts) and not GraphLibrary(own_library.kept).missing(parts)
    assert graphs.export_ahead(blocks, geometry) == 0


def test_processes_that_die_leave_the_work_for_later(own_library, monkeypatch):
    monkeypatch.setattr(graphs, "_PARTS_A_PROCESS", 1)
    monkeypatch.setattr(graphs, "_PROGRAM", ("-c", "raise SystemExit(3)"))
    blocks = [Block(kind="channel_mixer", key="mlp", embed_dim=d, ratio=1.0) for d in (32, 48)]
    assert graphs.export_ahead(blocks, space_of("vit_tiny").geometry, processes=2) == 0
    assert own_library.kept.size() == (0, 0)
