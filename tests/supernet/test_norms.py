"""The norm of a space: formulas, places, costs, and what stays as it was without one."""

from __future__ import annotations

import pytest
import torch

from hardware_profiles import RUNTIMES
from search_space import Block, Geometry, Norm, TaskShape
from search_space.errors import SpaceError
from supernet import block_module, catalogue, extract
from supernet.elastic import elastic_norm
from supernet.model import Supernet
from tests.contracts.live_memory import peak_values
from tests.supernet.naive import randomise

CATALOGUE = catalogue()
NORMS = [Norm(kind=kind, position=position) for kind in ("layernorm", "rmsnorm") for position in ("pre", "post")]
TASK = TaskShape(input_shape=(20,), num_outputs=3, seq_len=20, vocab_size=7, stem="tokens")
names = pytest.mark.parametrize("norm", NORMS, ids=lambda norm: f"{norm.kind}-{norm.position}")


@pytest.mark.parametrize("width", [8, 5])
def test_formulas(width):
    x = torch.randn(3, width, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    rms = randomise(elastic_norm(8, Norm(kind="rmsnorm", eps=0.1)).double())
    layer = randomise(elastic_norm(8, Norm(eps=0.1)).double())
    for row, by_rms, by_layer in zip(x, rms(x), layer(x), strict=True):
        expected = row / (sum(v**2 for v in row) / width + 0.1).sqrt() * rms.weight[:width]
        torch.testing.assert_close(by_rms, expected)
        centred = row - sum(row) / width
        expected = centred / (sum(v**2 for v in centred) / width + 0.1).sqrt()
        torch.testing.assert_close(by_layer, expected * layer.weight[:width] + layer.bias[:width])


@names
@pytest.mark.parametrize("kind, key", [("mixer", "softmax"), ("mixer", "pooling"), ("channel_mixer", "mlp")])
def test_a_sub_block_is_residual_and_norm_in_their_order(norm, kind, key):
    block = Block(kind=kind, key=key, embed_dim=16, num_heads=2 * (key == "softmax"), ratio=2.0 * (key == "mlp"))
    module, x = module_of(block, norm), torch.randn(2, 20, 16, generator=torch.Generator().manual_seed(1))
    inner = module.inner
    plain = module_of(block, Norm())  # from it, what lies between norm and residual: its own norm is taken out
    plain.inner.load_state_dict(inner.state_dict(), strict=False)
    plain.inner.norm = torch.nn.Identity()
    with torch.no_grad():
        expected = inner.norm(plain(x)) if norm.position == "post" else x + plain(inner.norm(x)) - inner.norm(x)
        torch.testing.assert_close(module(x), expected, rtol=0, atol=1e-5)


def module_of(block, norm):
    geometry = Geometry(task=TASK, head_dim=8, norm=norm)
    return randomise(block_module(block, geometry, generator=torch.Generator().manual_seed(0)))


@names
@pytest.mark.parametrize("kind, keys", [("mixer", CATALOGUE.mixers), ("channel_mixer", CATALOGUE.channel_mixers)])
def test_costs_are_the_real_ones(norm, kind, keys):
    for key, spec in keys.items():
        if spec.needs_grid or key == "identity":
            continue
        block = Block(kind=kind, key=key, embed_dim=24, num_heads=2 * spec.has_heads, ratio=0.5 * spec.has_ratio)
        module, cost = module_of(block, norm), Geometry(task=TASK, head_dim=8, norm=norm).cost(block, CATALOGUE)
        assert cost.params == sum(p.numel() for p in module.parameters()), key
        few, more = (peak_values(module, torch.ones(examples, 20, 24)).peak for examples in (4, 8))
        # What depends on weights alone, as a filter of long_conv, is there once however many examples there are.
        assert more - few == pytest.approx(4 * cost.peak_activations, rel=0.05), key


@names
def test_exports_run_as_pytorch_does(norm):
    for kind, key in (("mixer", "softmax"), ("channel_mixer", "mlp"), ("head", "pooled"), ("stem", "normed_tokens")):
        module = module_of(Block(kind=kind, key=key, embed_dim=16, num_heads=2, ratio=2.0), norm)
        generator = torch.Generator().manual_seed(2)
        x = torch.randn(3, 20, 16, generator=generator)
        x = torch.randint(0, 7, (3, 20), generator=generator) if kind == "stem" else x
        y = RUNTIMES["onnxruntime"].prepare(module, x[:2]).compile(policy={}, threads=1).run(x.numpy())
        torch.testing.assert_close(torch.from_numpy(y), module(x).detach(), rtol=0, atol=1e-4)


@pytest.mark.parametrize("table", ["stems", "mixers", "channel_mixers", "heads"])
def test_has_norm_is_true(table):
    for key, spec in getattr(CATALOGUE, table).items():
        if key == "identity":
            continue
        task = TaskShape(input_shape=(3, 8, 8), num_outputs=3, seq_len=16, grid=(4, 4))
        task = {"series": series(), "forecast": series(), "series_patch": steps(), "class_patch": classes()}.get(
            key, task
        )
        task = TASK if "tokens" in key else task
        task = TaskShape(input_shape=(3,), num_outputs=3, seq_len=3, categories=(0, 0, 2)) if key == "columns" else task
        block = Block(kind=spec.kind, key=key, embed_dim=8, num_heads=2 * spec.has_heads, ratio=1.0 * spec.has_ratio)
        module = block_module(block, Geometry(task=task, head_dim=4), generator=torch.Generator()).inner
        assert hasattr(module, "norm") == spec.has_norm, key


def series():
    return TaskShape(input_shape=(24, 5), num_outputs=7, seq_len=20, grid=(5, 4))


def steps():
    return TaskShape(input_shape=(24, 5), num_outputs=3, seq_len=8)


def classes():
    return TaskShape(input_shape=(3, 8, 8), num_outputs=3, seq_len=17)


@names
def test_a_space_of_each_norm_trains_extracts_and_keeps_its_geometry(make_space, norm):
    fields = {"kind": norm.kind, "eps": 1e-4, "position": norm.position}
    space = make_space(mixer=["softmax", "pooling"], norm=fields)
    supernet = Supernet(space, generator=torch.Generator().manual_seed(0)).eval()
    x = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    for architecture in (space.largest, space.middle):
        torch.testing.assert_close(extract(supernet, architecture)(x), supernet(x, architecture), rtol=0, atol=1e-5)
    supernet(x, space.middle).sum().backward()
    assert Geometry.from_json(space.geometry.to_json()) == space.geometry


def test_the_usual_norm_leaves_no_trace_and_others_are_other_spaces(make_space):
    usual = make_space()
    assert "norm" not in usual.geometry.to_json()
    assert make_space(norm={"kind": "layernorm"}).fingerprint == usual.fingerprint
    others = [{"kind": "rmsnorm"}, {"eps": 1e-6}, {"position": "post"}]
    assert len({usual.fingerprint, *(make_space(norm=norm).fingerprint for norm in others)}) == 4


def test_the_fingerprint_of_a_space_from_before_there_were_norms_stays(make_space):
    assert make_space().fingerprint == "8c97653b968e"


@pytest.mark.parametrize(
    "norm, words",
    [
        ({"kind": "batchnorm"}, "space.norm.kind: expected one of layernorm, rmsnorm, got 'batchnorm'"),
        ({"eps": 0}, "space.norm.eps: expected a number between 0 and 1"),
        ({"position": "both"}, "space.norm.position: expected one of pre, post"),
        ({"epsilon": 1e-5}, "space.norm: expected a mapping with keys among kind, eps, position"),
        ("rmsnorm", "space.norm: expected a mapping"),
    ],
)
def test_a_norm_of_no_sense_is_refused(make_space, norm, words):
    with pytest.raises(SpaceError) as error:
        make_space(norm=norm)
    assert words in str(error.value)
