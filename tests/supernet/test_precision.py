"""The simulation of precision equals the runtime that executes it, and lets gradients through."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from hardware_profiles import RUNTIMES, this_device
from hardware_profiles.input_limits import input_limits
from search_space.precision import FLOAT, FORMATS
from supernet import Network, catalogue
from supernet.elastic import ElasticLinear, reset_parameters
from supernet.precision import simulate_input, simulate_weight

# The largest difference that separate roundings of equal integers explain.
TOLERANCE = 1e-3
# What the kernels of this processor compute exactly.
INTEGER = [
    (name, p)
    for name in ("onnxruntime", "openvino")
    for p in sorted(RUNTIMES[name].precisions_on(this_device()) - {FLOAT})
]
# Blocks that pass the contract, here between others: attention, a recurrence, a convolution, and one without weights.
PAIRS = [("softmax", "mlp"), ("retention", "gated_mlp"), ("depthwise_conv", "low_rank_mlp"), ("pooling", "mlp")]


def network(architecture, geometry, *, simulate):
    """Return a network with weights, biases and norms that are all random."""
    made = Network(architecture, geometry, simulate_precision=simulate)
    generator = torch.Generator().manual_seed(0)
    reset_parameters(made, generator)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
    return made.eval()


@cache
def prepared(runtime, architecture, make_space, mixer, channel_mixer):
    """Return the float network in the runtime's form: one export for all precisions."""
    if RUNTIMES[runtime].unavailable() is not None:
        pytest.skip(RUNTIMES[runtime].unavailable())
    return RUNTIMES[runtime].prepare(
        network(architecture, space_of(make_space, mixer, channel_mixer).geometry, simulate=False), pictures()
    )


def pictures():
    return torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(2))


@cache
def space_of(make_space, mixer, channel_mixer):
    return make_space(
        mixer=[mixer],
        channel_mixer=[channel_mixer],
        depth=[1],
        embed_dim=[24],
        num_heads=[2],
        ratio=[1.5],
        precision=["float", *sorted({precision for _, precision in INTEGER})],
    )


def relative_error(got, want):
    return np.linalg.norm(got - want) / np.linalg.norm(want)


@pytest.mark.parametrize(("runtime", "precision"), INTEGER)
@pytest.mark.parametrize(("mixer", "channel_mixer"), PAIRS)
def test_whole_networks_equal_their_runtime(mixer, channel_mixer, runtime, precision, make_space):
    space = space_of(make_space, mixer, channel_mixer)
    for spec in (catalogue().mixers[mixer], catalogue().channel_mixers[channel_mixer]):
        if runtime not in spec.runtimes:
            pytest.skip(f"{spec.key} does not claim {runtime}")
    mixed = catalogue().mixers[mixer].has_linears
    layer = replace(space.largest.layers[0], mixer_precision=precision if mixed else FLOAT, channel_precision=precision)
    architecture = replace(space.largest, layers=(layer,))
    space.validate(architecture)
    images = pictures()
    simulated = network(architecture, space.geometry, simulate=True)
    in_float = network(architecture, space.geometry, simulate=False)
    for path, limit in input_limits(in_float, images).items():
        simulated.get_submodule(path).input_limit = torch.tensor(limit)
    base = replace(architecture, layers=(replace(layer, mixer_precision=FLOAT, channel_precision=FLOAT),))
    executable = prepared(runtime, base, make_space, mixer, channel_mixer).compile(
        policy=simulated.precision_policy(), threads=1
    )
    got = np.concatenate([executable.run(images[i : i + 1].numpy()) for i in range(4)])
    with torch.no_grad():
        want, plain = simulated(images).numpy(), in_float(images).numpy()
    assert relative_error(got, want) < TOLERANCE
    assert relative_error(plain, want) > 3 * TOLERANCE  # the precision matters, so equality says something


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
@pytest.mark.parametrize(("mixer", "channel_mixer"), PAIRS)
def test_whole_networks_in_float_equal_their_runtime(mixer, channel_mixer, runtime, make_space):
    space = space_of(make_space, mixer, channel_mixer)
    base = space.largest.in_float()
    if runtime not in catalogue().mixers[mixer].runtimes & catalogue().channel_mixers[channel_mixer].runtimes:
        pytest.skip(f"{mixer} or {channel_mixer} does not claim {runtime}")
    executable = prepared(runtime, base, make_space, mixer, channel_mixer).compile(policy={}, threads=1)
    images = pictures()
    with torch.no_grad():
        want = network(base, space.geometry, simulate=True)(images).numpy()
    np.testing.assert_allclose(executable.run(images.numpy()), want, rtol=0, atol=1e-4)
    assert np.abs(want).max() > 0.1  # outputs of a size at which 1e-4 is close


@pytest.mark.parametrize(("runtime", "precision"), [("onnxruntime", FLOAT), ("openvino", FLOAT), *INTEGER])
@pytest.mark.parametrize("in_features, out_features", [(8, 5), (31, 16), (32, 32), (64, 24), (100, 48)])
def test_single_layers_equal_their_runtime(in_features, out_features, runtime, precision):
    if RUNTIMES[runtime].unavailable() is not None:
        pytest.skip(RUNTIMES[runtime].unavailable())

    class One(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = ElasticLinear(in_features, out_features)
            self.precision = FLOAT

        def forward(self, x):
            return self.layer(x, out_features, self.precision)

    module = One().eval()
    reset_parameters(module, torch.Generator().manual_seed(0))
    # One range an example equals one a batch for a single example; scales of each token hold in any batch.
    examples = 3 if precision != FLOAT and FORMATS[precision].activation_group else 1
    x = torch.randn(examples, 6, in_features, generator=torch.Generator().manual_seed(1))
    executable = RUNTIMES[runtime].compile(module, x, policy={"layer": precision}, threads=1)
    module.precision = precision
    with torch.no_grad():
        assert relative_error(executable.run(x.numpy()), module(x).numpy()) < 1e-5


def test_examples_are_quantised_apart():
    x = (
        torch.randn(3, 5, 8, generator=torch.Generator().manual_seed(0))
        * torch.tensor([1.0, 10.0, 100.0])[:, None, None]
    )
    together = simulate_input(x, "w8a8")
    apart = torch.cat([simulate_input(x[i : i + 1], "w8a8") for i in range(3)])
    assert torch.equal(together, apart)
    assert all(len(together[i].unique()) <= 256 for i in range(3))


@pytest.mark.parametrize("x", [torch.zeros(2, 3, 4), torch.full((1, 2, 2), 3.0), torch.full((1, 2, 2), -3.0)])
def test_constant_inputs_stay_finite_and_close(x):
    assert torch.allclose(simulate_input(x, "w8a8"), x, rtol=1e-6)


def test_groups_of_a_token_are_quantised_apart():
    x = torch.randn(2, 3, 70, generator=torch.Generator().manual_seed(0)) * torch.logspace(0, 3, 70)
    got = simulate_input(x, "w4a8")
    for part in (slice(0, 32), slice(32, 64), slice(64, 70)):
        scale = x[..., part].abs().amax(-1, keepdim=True) / 127
        assert torch.allclose(got[..., part], (x[..., part] / scale).round() * scale, rtol=1e-6)
    assert torch.equal(simulate_input(torch.zeros(1, 2, 5), "w8a8g32"), torch.zeros(1, 2, 5))


def test_a_calibrated_range_clips_what_lies_outside():
    x = torch.tensor([[[-3.0, -1.0, 0.3, 0.5, 2.0]]])
    got = simulate_input(x, "w8a8s", limit=torch.tensor(1.0))
    assert got.min() == pytest.approx(-128 / 127) and got.max() == 1.0
    assert torch.allclose(got[..., 2:4] * 127, torch.tensor([38.0, 64.0]))  # 38.1 and 63.5, to the even integer
    for limit in (None, torch.zeros(())):  # not yet calibrated: the range of the example
        assert torch.allclose(simulate_input(x, "w8a8s", limit=limit), (x * 127 / 3).round() * 3 / 127)


def test_zero_is_exact():
    x = torch.tensor([[[-0.31, 0.0, 0.72]]])
    assert simulate_input(x, "w8a8")[0, 0, 1] == 0.0


@pytest.mark.parametrize("precision", [FLOAT, "w8", "w4"])
def test_inputs_of_weight_only_formats_are_untouched(precision):
    x = torch.randn(1, 2, 3)
    assert simulate_input(x, precision) is x


@pytest.mark.parametrize("precision", FORMATS)
def test_gradients_pass_straight_through(precision):
    generator = torch.Generator().manual_seed(0)
    for simulate, shape in ((simulate_input, (2, 3, 40)), (simulate_weight, (6, 40))):
        value = torch.randn(shape, generator=generator, requires_grad=True)
        seed = torch.randn(shape, generator=generator)
        (simulate(value, precision) * seed).sum().backward()
        torch.testing.assert_close(value.grad, seed)
        with torch.no_grad():
            plain = simulate(value.detach(), precision)
        torch.testing.assert_close(simulate(value, precision).detach(), plain, rtol=1e-5, atol=1e-6)
