"""The feed-forward network against plain layers of PyTorch and the formulas of its activations."""

import pytest
import torch

from search_space import Block, Geometry
from search_space.errors import SpaceError
from supernet import block_module, catalogue
from tests.contracts.live_memory import peak_values
from tests.supernet.naive import assert_same, build, normal, shape_of


def positive(x):
    return torch.where(x > 0, x, 0.0)


FORMULAS = {
    "gelu": lambda x, c: x * torch.distributions.Normal(0, 1).cdf(x),
    "gelu_tanh": lambda x, c: x / 2 * (1 + torch.tanh((2 / torch.pi) ** 0.5 * (x + 0.044715 * x**3))),
    "relu": lambda x, c: positive(x),
    "squared_relu": lambda x, c: positive(x) ** 2,
    "star_relu": lambda x, c: c[0] * positive(x) ** 2 + c[1],
    "polynomial": lambda x, c: sum(c[i] * positive(x) ** i for i in range(4)),
}


@pytest.mark.parametrize("activation", FORMULAS)
def test_equals_linear_activation_linear(activation):
    mixer = build("mlp", shape_of(seq_len=3, hidden_dim=10, options={"activation": activation}))
    up, down = torch.nn.Linear(6, 10, dtype=torch.float64), torch.nn.Linear(10, 6, dtype=torch.float64)
    up.load_state_dict(mixer.up.state_dict())
    down.load_state_dict(mixer.down.state_dict())
    learned = () if mixer.coefficients is None else (mixer.coefficients,)
    assert_same(
        lambda x: mixer(x, hidden_dim=10),
        lambda x: down(FORMULAS[activation](up(x), mixer.coefficients)),
        normal(2, 3, 6),
        parameters=learned,
    )


@pytest.mark.parametrize("activation", FORMULAS)
@pytest.mark.parametrize("width, ratio", [(16, 2.0), (48, 0.25)])
def test_costs_are_exact_with_every_activation(activation, width, ratio):
    task = shape_of(seq_len=5).task
    geometry = Geometry(task=task, head_dim=8, options={"mlp": {"activation": activation}})
    block = Block(kind="channel_mixer", key="mlp", embed_dim=width, ratio=ratio)
    module, cost = (
        block_module(block, geometry, generator=torch.Generator().manual_seed(0)),
        geometry.cost(block, catalogue()),
    )
    assert cost.params == sum(p.numel() for p in module.parameters())
    assert peak_values(module, torch.ones(2, 5, width)).peak == 2 * cost.peak_activations


def test_star_relu_begins_with_normal_outputs():
    mixer = build("mlp", shape_of(seq_len=3, hidden_dim=10, options={"activation": "star_relu"}))
    mixer.reset_parameters(torch.Generator())
    y = FORMULAS["star_relu"](normal(200_000).detach(), mixer.coefficients)
    assert abs(y.mean()) < 0.01 and abs(y.std() - 1) < 0.01


def test_an_unknown_activation_is_refused(make_space):
    with pytest.raises(SpaceError, match="activation 'swish' is not one of gelu, gelu_tanh"):
        make_space(options={"mlp": {"activation": "swish"}})
