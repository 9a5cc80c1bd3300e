"""SwiGLU against its formula, feature by feature."""

import torch

from tests.supernet.naive import assert_same, build, normal, shape_of


def test_equals_the_gated_product():
    mixer = build("gated_mlp", shape_of(seq_len=3, hidden_dim=10))

    def naive(x):
        features = []
        for f in range(10):
            gate = (x * mixer.gate.weight[f]).sum(-1) + mixer.gate.bias[f]
            value = (x * mixer.up.weight[f]).sum(-1) + mixer.up.bias[f]
            features.append(gate / (1 + torch.exp(-gate)) * value)
        return sum(h[..., None] * mixer.down.weight[:, f] for f, h in enumerate(features)) + mixer.down.bias

    assert_same(lambda x: mixer(x, hidden_dim=10), naive, normal(2, 3, 6), parameters=tuple(mixer.parameters()))
