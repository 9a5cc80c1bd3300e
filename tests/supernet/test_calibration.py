"""Calibrated input ranges: found on the training split, stored with the weights, and those of the exported file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from hardware_profiles import RUNTIMES, this_device
from supernet import Network
from supernet.calibration import calibrate
from supernet.elastic import ElasticLinear, reset_parameters
from supernet.saving import load_network, save_network
from supernet.tasks import TaskData
from tests.supernet.training.job import job


@pytest.fixture(scope="module")
def made() -> tuple[Network, TaskData]:
    space, data, _ = job(steps=1)
    layers = tuple(replace(layer, mixer_precision="w8a8s", channel_precision="w8a8s") for layer in space.largest.layers)
    network = Network(replace(space.largest, layers=layers), space.geometry)
    reset_parameters(network, torch.Generator().manual_seed(0))
    return calibrate(network.eval(), data), data


def test_a_range_is_the_mean_of_the_largest_inputs(made):
    network, data = made
    inputs, _ = data.train.batch(torch.linspace(0, len(data.train) - 1, 256).long())
    block = network.body.mixer_blocks["0"]
    with torch.no_grad():
        tokens = block.norm(network.body.stem(inputs, embed_dim=network.architecture.embed_dim))
    wanted = tokens.abs().amax((1, 2)).double().mean()
    for linear in (block.projections.q, block.projections.k, block.projections.v):
        assert float(linear.input_limit) == pytest.approx(float(wanted), rel=1e-2)  # q sees what is rounded already
    limits = [m.input_limit for m in network.modules() if isinstance(m, ElasticLinear) and m.input_limit is not None]
    assert len(limits) == len(network.precision_policy()) and all(limit > 0 for limit in limits)
    assert network.body.head.project.input_limit is None  # the head stays float


def test_it_is_stored_with_the_weights(made, tmp_path: Path):
    network, data = made
    save_network(network, tmp_path)
    again = load_network(tmp_path)
    inputs, _ = data.validation.batch(slice(0, 8))
    with torch.no_grad():
        assert torch.equal(again(inputs), network(inputs))


def test_quality_does_not_depend_on_the_batch(made):
    network, data = made
    inputs, _ = data.validation.batch(slice(0, 8))
    with torch.no_grad():
        apart = torch.cat([network(inputs[i : i + 1]) for i in range(8)])
        torch.testing.assert_close(network(inputs), apart, rtol=1e-4, atol=1e-4)


def test_openvino_computes_it_at_any_batch(made, tmp_path: Path):
    runtime = RUNTIMES["openvino"]
    if runtime.unavailable() is not None:
        pytest.skip(runtime.unavailable())
    if "w8a8s" not in runtime.precisions_on(this_device()):
        pytest.skip("this processor has no VNNI, without which OpenVINO's integer products saturate")
    network, data = made
    save_network(network, tmp_path)
    inputs, _ = data.validation.batch(slice(0, 16))
    executable = runtime.compile(
        load_network(tmp_path, simulate_precision=False), inputs[:1], policy=network.precision_policy(), threads=1
    )
    with torch.no_grad():
        want, rounded = network(inputs).numpy(), load_network(tmp_path, simulate_precision=False)(inputs).numpy()
    got = executable.run(inputs.numpy())
    assert np.linalg.norm(got - want) < 1e-3 * np.linalg.norm(want)
    assert np.linalg.norm(rounded - want) > 5e-3 * np.linalg.norm(want)  # the precision matters
