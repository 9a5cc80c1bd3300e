"""Variants of blocks in one supernet: each is its extracted network, and what is alike has one weight."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

from hardware_profiles.onnx.export import OUTPUT
from hardware_profiles.onnx.library import graph_library
from search_space import Architecture, Layer, SearchSpace, TaskShape, space_from_mapping
from supernet import catalogue
from supernet.composing.parts import network_parts
from supernet.composing.roles import POSITION
from supernet.composing.steps import NetworkStep
from supernet.extract import block_module, extract
from supernet.model import Network, Supernet
from supernet.training.rounds.inheritance import inherit_weights

IMAGE = TaskShape(input_shape=(1, 8, 8), num_outputs=3, seq_len=16, grid=(4, 4))
CAUSAL = TaskShape(
    input_shape=(20,), num_outputs=9, seq_len=20, vocab_size=9, causal=True, stem="tokens", head="language_model"
)
LISTS: dict[str, dict[str, list[Any]]] = {
    "softmax": {"kv_heads": [1, 2, "all"]},
    "rotary_softmax": {"kv_heads": [1, "all"], "base": [100.0, 10000.0]},
    "gated_softmax": {"kv_heads": [1, "all"]},
    "sliding_window": {"width": [2, 8], "kv_heads": [1, "all"]},
    "clipped_softmax": {"alpha": [1.0, 2.0], "kv_heads": [1, "all"]},
    "topk": {"keys": [2, 4], "kv_heads": [1, "all"]},
    "primer": {"kernel": [3, 5]},
    "latent_softmax": {"rank": [4, 8]},
    "linear": {"chunk": [4, 8]},
    "retention": {"rotary": [False, True]},
    "gated_linear": {"rank": [4, 8]},
    "state_space_dual": {"kernel": [2, 4]},
    "gated_delta": {"decay": [True, False]},
    "selective_scan": {"expansion": [1, 2], "states": [4, 2]},
    "gated_short_conv": {"kernel": [3, 5]},
    "depthwise_conv": {"expansion": [1, 2], "kernel": [3, 5]},
    "linformer": {"rank": [2, 4]},
    "token_mlp": {"expansion": [1, 2]},
    "window": {"size": [2, 4]},
    "shifted_window": {"size": [2, 4]},
    "bilevel_routing": {"regions": [1, 2], "kernel": [3, 5]},
    "pooling": {"size": [3, 5]},
    "mlp": {"activation": ["gelu", "star_relu", "polynomial"]},
    "gated_mlp": {"gate": ["silu", "gelu"]},
    "low_rank_mlp": {"reduction": [4, 2]},
}
LIKE_EACH_OTHER = {"clipped_softmax", "topk", "retention", "gated_mlp", "window", "shifted_window", "linear"}


def one_block(key: str, **more: Any) -> SearchSpace:
    """Return a space whose layers choose the options of one block."""
    found, spec = catalogue(), None
    if key in found.mixers:
        spec, choices = found.mixers[key], {"mixer": [key], "channel_mixer": ["identity"]}
    else:
        choices = {"mixer": ["identity"], "channel_mixer": [key]}
    sizes = {"embed_dim": [8, 12], "depth": [1, 2], "head_dim": 4, "num_heads": [1, 4], "ratio": [1, 2]}
    declaration = {"name": key, **sizes, **choices, "options": {key: LISTS[key]}, **more}
    task = CAUSAL if spec is not None and spec.causal else IMAGE
    return space_from_mapping(declaration, task=task, catalogue=found)


def example(space: SearchSpace) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    if space.geometry.task.vocab_size:
        return torch.randint(1, 9, (2, 20), generator=generator)
    return torch.randn(2, 1, 8, 8, generator=generator)


def trained_like(space: SearchSpace) -> Supernet:
    """Return a supernet in which no weight is zero or one."""
    supernet = Supernet(space, generator=torch.Generator().manual_seed(0)).eval()
    with torch.no_grad():
        for p in supernet.parameters():
            p.add_(torch.randn(p.shape, generator=torch.Generator().manual_seed(2)) * 0.1)
    return supernet


@pytest.mark.parametrize("key", LISTS)
def test_every_variant_is_the_network_that_is_cut_out_of_it(key):
    space = one_block(key)
    supernet, x = trained_like(space), example(space)
    genes = np.unique(space.sample_genes(np.random.default_rng(0), 20), axis=0)[::4]
    for architecture in {*space.decode(genes), space.largest, space.smallest}:
        network = extract(supernet, architecture)
        with torch.no_grad():
            torch.testing.assert_close(network(x), supernet(x, architecture), rtol=0, atol=2e-5)
        blocks = sum(
            space.cost(space.blocks[i]).params for i in space.block_ids(space.encode([architecture]))[0] if i >= 0
        )
        assert blocks == sum(p.numel() for p in network.parameters())
        if space.geometry.task.causal and architecture == space.largest:
            states, outputs = network.initial_state(2), []
            for place in range(20):
                y, states = network.step(x[:, place : place + 1], states, position=torch.tensor(place))
                outputs.append(y[:, 0])
            torch.testing.assert_close(torch.stack(outputs, 1).flatten(), network(x).flatten(), rtol=1e-3, atol=2e-4)


@pytest.mark.parametrize("key", LISTS)
def test_options_change_what_is_computed_and_share_what_is_alike(key):
    space = one_block(key, depth=[1], num_heads=[4], embed_dim=[12], ratio=[2])
    supernet, x = trained_like(space), example(space)
    every = space.decode(np.unique(space.sample_genes(np.random.default_rng(0), 100), axis=0))
    assert len(every) == int(np.prod([len(values) for values in LISTS[key].values()]))
    if key != "linear":  # chunks are a way to compute, not what
        with torch.no_grad():
            outputs = [supernet(x, architecture) for architecture in every]
        assert all((a - b).abs().max() > 1e-6 for a, b in itertools.combinations(outputs, 2))
    held = sum(p.numel() for p in supernet.parameters())
    one = sum(p.numel() for p in extract(supernet, space.largest).parameters())
    nested = space.catalogue.spec("mixer" if key in space.mixer else "channel_mixer", key).nested_options
    if key in LIKE_EACH_OTHER or set(LISTS[key]) <= nested:
        assert held == one
    else:
        assert one <= held < 1.5 * one or key == "selective_scan"  # filters, coefficients and states are apart


def test_smaller_variants_use_a_prefix_of_the_largest():
    space = one_block("gated_linear", depth=[1], options={"gated_linear": {"rank": [4, 8], "chunk": [4, 8]}})
    supernet = trained_like(space)
    variants = [f"gated_linear{end}" for end in ("", "-1", "-2", "-3")]
    weights = [supernet.get_submodule(f"body.mixer_blocks.0.mixers.{name}.decay_in").weight for name in variants]
    assert all(weight is weights[0] for weight in weights) and weights[0].shape[0] == 8


def test_a_donor_of_other_options_gives_what_it_has():
    space = one_block("low_rank_mlp", depth=[1])
    thin, thick = (
        Architecture(
            embed_dim=12,
            layers=(
                Layer(
                    mixer="identity", channel_mixer="low_rank_mlp", ratio=2, channel_options={"reduction": reduction}
                ),
            ),
        )
        for reduction in (4, 2)
    )
    networks = [extract(trained_like(space), architecture) for architecture in (thin, thick)]
    child = Network(thick, space.geometry)
    shared = inherit_weights(child, networks[0])
    assert 0.5 < shared < 1.0
    inner = "body.channel_blocks.0.mixers.low_rank_mlp.up_in"
    mine, donors = child.get_submodule(inner).weight, networks[0].get_submodule(inner).weight
    assert torch.equal(mine[: len(donors)], donors) and len(donors) < len(mine)


@pytest.mark.parametrize(
    ("key", "apart"),
    [
        ("gated_short_conv", {"filters"}),
        ("selective_scan", {"write_read.weight", "log_rate"}),
        ("sliding_window", set()),
    ],
)
def test_a_donor_of_other_options_does_not_give_what_they_set_apart(key, apart):
    space = one_block(key, depth=[1])
    donors = [{name: values[i] for name, values in LISTS[key].items()} for i in (0, -1)]
    networks = []
    for options in donors:
        layer = Layer(mixer=key, num_heads=4 if key == "sliding_window" else 0, channel_mixer="identity")
        layer = space.canonical_layer(replace(layer, mixer_options=options))
        networks.append(extract(trained_like(space), Architecture(embed_dim=12, layers=(layer,))))
    child, donor = networks
    with torch.no_grad():
        for p in donor.parameters():
            p.fill_(7.0)
    assert (inherit_weights(child, donor) == 1.0) == (not apart)
    kept = {name for name, p in child.named_parameters() if not (p == 7.0).any()}
    assert kept == {f"body.mixer_blocks.0.mixers.{key}.{name}" for name in apart}


def test_one_graph_serves_a_constant_and_a_choice():
    listed, constant = (one_block("topk", options={"topk": {"keys": keys}}) for keys in ([2, 4], 4))
    recipes = []
    for space, options in ((listed, {"keys": 4}), (constant, {})):
        layer = Layer(mixer="topk", num_heads=2, channel_mixer="identity", mixer_options=options)
        network = Network(Architecture(embed_dim=8, layers=(layer,)), space.geometry)
        parts = network_parts(network.body, network.architecture, space.geometry, example(space))
        assert parts is not None
        recipes.append([part.recipe for part in parts])
    assert recipes[0] == recipes[1]


def test_a_block_alone_computes_with_its_options():
    space, generator = one_block("sliding_window"), torch.Generator()
    x = torch.randn(1, 20, 8, generator=generator.manual_seed(0))
    blocks = [b for b in space.blocks if b.key == "sliding_window" and (b.embed_dim, b.num_heads) == (8, 4)]
    outputs = [block_module(b, space.geometry, generator=generator.manual_seed(1))(x) for b in blocks]
    assert len(blocks) == 4 and not torch.allclose(outputs[0], outputs[2])


def test_the_graph_of_a_step_has_the_options_and_the_cache_of_its_network():
    key, options = "softmax", {"kv_heads": 2}
    space = one_block(key)
    layer = Layer(mixer=key, num_heads=4, channel_mixer="identity", mixer_options=options)
    network = extract(trained_like(space), Architecture(embed_dim=8, layers=(layer,)))
    step, x = NetworkStep(network), example(space)
    feed = step.example(2)
    graph = graph_library().composed(step.parts(feed), outputs=list(step.outputs))
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    values = {name: tensor.numpy() for name, tensor in feed.items()}
    for place in range(4):
        values |= {"batch": x[:, place : place + 1].numpy(), POSITION: np.array(place)}
        results = dict(zip(step.outputs, session.run(list(step.outputs), values), strict=True))
        values |= {f"state.{name[5:]}": value for name, value in results.items() if name.startswith("next.")}
    assert values["state.0.0"].shape[1] == options["kv_heads"]
    np.testing.assert_allclose(results[OUTPUT][:, 0], network(x).detach()[:, 3], rtol=0, atol=1e-4)
