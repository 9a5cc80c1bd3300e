"""An extracted network is the supernet's subnet: same outputs, same gradients, its own weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from search_space import Architecture, Layer, SearchSpace
from search_space.errors import SpaceError
from supernet import Supernet, extract
from supernet.catalogue import CHANNEL_MIXERS, MIXERS
from supernet.elastic import ElasticLinear

SIZES = {
    "embed_dim": [8, 12, 20],
    "depth": [1, 2, 3],
    "head_dim": 4,
    "num_heads": [1, 2, 3],
    "ratio": [0.5, 1, 2],
    "precision": ["float", "w8a8", "w8", "w4"],
    "options": {"window": {"size": 2}, "sliding_window": {"width": 3}},
}


@pytest.fixture(scope="module")
def mixed(make_space) -> SearchSpace:
    """Return the space of every block that fits a grid, in every precision."""
    fitting = [key for key, block in MIXERS.items() if block.spec.bidirectional]
    return make_space(**SIZES, mixer=fitting, channel_mixer=list(CHANNEL_MIXERS))


@pytest.fixture(scope="module")
def supernet(mixed: SearchSpace) -> Supernet:
    generator = torch.Generator().manual_seed(0)
    supernet = Supernet(mixed, generator=generator).double()
    with torch.no_grad():
        for p in supernet.parameters():  # no bias is zero and no scale is one, so each place differs
            p.add_(0.1 * torch.randn(p.shape, generator=generator, dtype=p.dtype))
    return supernet


def assert_equal_networks(supernet: Supernet, architecture: Architecture) -> None:
    network = extract(supernet, architecture)
    generator = torch.Generator().manual_seed(1)
    batch = torch.randn(2, 1, 8, 8, generator=generator, dtype=torch.float64)
    cotangent = torch.randn(2, 10, generator=generator, dtype=torch.float64)
    large, small = batch.clone().requires_grad_(), batch.clone().requires_grad_()

    supernet.zero_grad(set_to_none=True)
    expected, actual = supernet(large, architecture), network(small)
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-9)
    expected.backward(cotangent)
    actual.backward(cotangent)
    torch.testing.assert_close(small.grad, large.grad, rtol=0, atol=1e-9)

    own = dict(network.named_parameters())
    for name, p in supernet.named_parameters():
        if name not in own:
            assert p.grad is None, f"{name} is no part of the subnet"
            continue
        inside = tuple(slice(n) for n in own[name].shape)
        torch.testing.assert_close(own[name].grad, p.grad[inside], rtol=0, atol=1e-9, msg=lambda m, name=name: name + m)
        rest = p.grad.clone()
        rest[inside] = 0
        assert not rest.any(), f"{name}: weights outside of the subnet have a gradient"


@pytest.mark.parametrize("precision", SIZES["precision"])
@pytest.mark.parametrize("mixer", [key for key, block in MIXERS.items() if block.spec.bidirectional])
def test_every_mixer(supernet, mixer, precision):
    spec = MIXERS[mixer].spec
    layer = Layer(
        mixer=mixer,
        num_heads=2 if spec.has_heads else 0,
        channel_mixer="mlp",
        ratio=1.0,
        mixer_precision=precision if spec.has_linears else "float",
    )
    assert_equal_networks(supernet, Architecture(embed_dim=12, layers=(layer,)))


@pytest.mark.parametrize("precision", SIZES["precision"])
@pytest.mark.parametrize("channel_mixer", CHANNEL_MIXERS)
def test_every_channel_mixer(supernet, channel_mixer, precision):
    spec = CHANNEL_MIXERS[channel_mixer].spec
    layer = Layer(
        mixer="softmax",
        num_heads=3,
        channel_mixer=channel_mixer,
        ratio=0.5 if spec.has_ratio else 0.0,
        channel_precision=precision if spec.has_linears else "float",
    )
    assert_equal_networks(supernet, Architecture(embed_dim=12, layers=(layer,)))


def test_200_random_architectures(supernet, mixed):
    rng = np.random.default_rng(7)
    architectures = {mixed.sample(rng) for _ in range(220)}
    chosen = sorted(architectures, key=lambda a: a.key)[:200]
    assert len(chosen) == 200
    layers = [layer for a in chosen for layer in a.layers]
    assert {layer.mixer for layer in layers} == set(mixed.mixer)
    assert {layer.channel_mixer for layer in layers} == set(mixed.channel_mixer)
    assert {layer.mixer_precision for layer in layers} == {layer.channel_precision for layer in layers}
    for architecture in chosen:
        assert_equal_networks(supernet, architecture)


def test_largest_and_smallest(supernet, mixed):
    assert_equal_networks(supernet, mixed.largest)
    assert_equal_networks(supernet, mixed.smallest)


def test_order_of_calls_does_not_matter(supernet, mixed):
    rng, batch = np.random.default_rng(3), torch.ones(1, 1, 8, 8, dtype=torch.float64)
    first, second = mixed.sample(rng), mixed.sample(rng)
    with torch.no_grad():
        before = supernet(batch, first)
        supernet(batch, second)
        assert torch.equal(supernet(batch, first), before)


def test_an_extracted_network_shares_nothing(supernet, mixed):
    network = extract(supernet, mixed.largest)
    addresses = {p.untyped_storage().data_ptr() for p in supernet.parameters()}
    assert not addresses & {p.untyped_storage().data_ptr() for p in network.parameters()}


def test_an_extracted_network_costs_what_the_space_says(supernet, mixed):
    rng = np.random.default_rng(11)
    for _ in range(20):
        architecture = mixed.sample(rng)
        blocks = mixed.block_ids(mixed.encode([architecture]))[0]
        expected = sum(mixed.cost(mixed.blocks[i]).params for i in blocks if i >= 0)
        assert sum(p.numel() for p in extract(supernet, architecture).parameters()) == expected


def test_the_policy_names_every_integer_layer_and_no_other(supernet, mixed):
    rng = np.random.default_rng(13)
    for _ in range(20):
        architecture = mixed.sample(rng)
        network = extract(supernet, architecture)
        linears = {name for name, m in network.named_modules() if isinstance(m, ElasticLinear)}
        policy = network.precision_policy()
        assert set(policy) <= linears
        for i, layer in enumerate(architecture.layers):
            for kind, precision in (("mixer", layer.mixer_precision), ("channel", layer.channel_precision)):
                inside = {name for name in linears if name.startswith(f"body.{kind}_blocks.{i}.")}
                assert {policy.get(name, "float") for name in inside} <= {precision}


def test_float_is_what_exporters_get(supernet, mixed):
    layer = Layer(mixer="softmax", num_heads=2, channel_mixer="mlp", ratio=2.0, mixer_precision="w4")
    architecture = Architecture(embed_dim=20, layers=(layer,))
    plain = replace(architecture, layers=(replace(layer, mixer_precision="float"),))
    batch = torch.ones(1, 1, 8, 8, dtype=torch.float64)
    with torch.no_grad():
        exported = extract(supernet, architecture, simulate_precision=False)(batch)
        assert torch.equal(exported, extract(supernet, plain)(batch))
        assert not torch.equal(exported, extract(supernet, architecture)(batch))


def test_a_stranger_is_refused(supernet):
    layer = Layer(mixer="softmax", num_heads=7, channel_mixer="mlp", ratio=2.0)
    with pytest.raises(SpaceError, match=r"layer0\.num_heads"):
        extract(supernet, Architecture(embed_dim=20, layers=(layer,)))
