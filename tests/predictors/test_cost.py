"""Exact costs: against sums over the blocks of each network, and against the tensors of real networks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from hardware_profiles.quantization import quantize_weight
from predictors import CostModel
from predictors.cost import sum_over_blocks
from search_space import blocks_of
from search_space.precision import FLOAT, FORMATS
from supernet import Network
from supernet.elastic import ElasticLinear


@pytest.fixture(scope="module")
def mixed(make_space):
    return make_space(mixer=["softmax", "pooling", "depthwise_conv", "identity"], float_precision=["fp32", "bf16"])


def test_every_cost_is_that_of_its_blocks(mixed):
    genes = mixed.sample_genes(np.random.default_rng(0), 200)
    model = CostModel(mixed)
    columns = zip(
        mixed.decode(genes),
        model.params(genes),
        model.flops(genes),
        model.size_bytes(genes),
        model.peak_activation_bytes(genes, batch_size=3),
        strict=True,
    )
    for architecture, params, flops, size, peak in columns:
        blocks = blocks_of(architecture, mixed.geometry.task)
        costs = [mixed.cost(b) for b in blocks]
        width = {"fp32": 4, "bf16": 2}[architecture.float_precision]
        assert params == sum(c.params for c in costs)
        assert flops == sum(c.flops for c in costs)
        assert size == sum(c.size_bytes(b.precision, b.float_precision) for b, c in zip(blocks, costs, strict=True))
        assert peak == 3 * width * max(c.peak_activations for c in costs)
    assert (model.peak_memory_bytes(genes) == model.size_bytes(genes) + model.peak_activation_bytes(genes)).all()


def test_parameters_operations_and_bytes_are_those_of_real_networks(make_space):
    space = make_space()
    genes = space.sample_genes(np.random.default_rng(1), 12)
    model = CostModel(space)
    for i, architecture in enumerate(space.decode(genes)):
        network = Network(architecture, space.geometry, simulate_precision=False).eval()
        row = genes[[i]]
        assert model.params(row) == sum(p.numel() for p in network.parameters())
        assert model.size_bytes(row) == _stored_bytes(network, architecture)
        with (
            torch.no_grad(),
            torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH),
            FlopCounterMode(display=False) as counter,
        ):
            network(torch.zeros(1, *space.geometry.task.input_shape))
        assert model.flops(row) == counter.get_total_flops()


def _stored_bytes(network, architecture):
    """Quantise every linear of each layer's sub-block for real and count bits."""
    precision = {}
    for i, layer in enumerate(architecture.layers):
        precision[f"mixer_blocks.{i}."] = layer.mixer_precision
        precision[f"channel_blocks.{i}."] = layer.channel_precision
    total = 4 * sum(p.numel() for p in network.parameters())
    for name, module in network.named_modules():
        form = next((p for part, p in precision.items() if part in name), FLOAT)
        if isinstance(module, ElasticLinear) and form != FLOAT:
            integers, scales = quantize_weight(module.weight.detach(), form)
            stored = integers.numel() * FORMATS[form].weight_bits // 8 + 4 * scales.numel()
            stored += scales.numel() if FORMATS[form].activation_bits else 0  # zero points
            total += stored - 4 * module.weight.numel()
    return total


def test_integer_sums_stay_exact_and_an_absent_block_adds_nothing():
    table = np.array([[2**60 + 1], [3]])
    total = sum_over_blocks(np.array([[0, 0, -1], [1, -1, -1], [-1, -1, -1]]), table)
    assert total.dtype == np.int64
    assert total[:, 0].tolist() == [2**61 + 2, 3, 0]


def test_no_network_costs_nothing(space):
    model, none = CostModel(space), space.sample_genes(np.random.default_rng(0), 0)
    for cost in (model.params, model.flops, model.size_bytes, model.peak_activation_bytes, model.peak_memory_bytes):
        assert cost(none).shape == (0,)


@pytest.mark.parametrize("batch_size", [0, -1])
def test_a_batch_has_an_example(space, batch_size):
    with pytest.raises(ValueError, match="batch_size"):
        CostModel(space).peak_memory_bytes(space.sample_genes(np.random.default_rng(0), 1), batch_size=batch_size)


@pytest.mark.parametrize("wrong", [{"sequences": 0}, {"cache_tokens": -1}])
def test_what_is_decoded_has_a_size(space, wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        CostModel(space, **wrong)


def test_networks_that_do_not_decode_have_no_cache(space):
    with pytest.raises(ValueError, match="causal"):
        CostModel(space).cache_bytes(space.sample_genes(np.random.default_rng(0), 1))
