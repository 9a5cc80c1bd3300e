"""The feed-forward network against plain layers of PyTorch."""

import torch

from tests.supernet.naive import assert_same, build, normal, shape_of


def test_equals_linear_gelu_linear():
    mixer = build("mlp", shape_of(seq_len=3, hidden_dim=10))
    up, down = torch.nn.Linear(6, 10, dtype=torch.float64), torch.nn.Linear(10, 6, dtype=torch.float64)
    up.load_state_dict(mixer.up.state_dict())
    down.load_state_dict(mixer.down.state_dict())
    gaussian = torch.distributions.Normal(0, 1)

    def naive(x):
        hidden = up(x)
        return down(hidden * gaussian.cdf(hidden))

    assert_same(lambda x: mixer(x, hidden_dim=10), naive, normal(2, 3, 6))
