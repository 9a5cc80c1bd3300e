"""The token MLP against its formula, feature by feature."""

import torch

from supernet.blocks import MixerCall
from tests.supernet.naive import assert_same, build, normal, shape_of


def naive(x, mixer, *, lengths):
    gaussian = torch.distributions.Normal(0, 1)
    examples = []
    for b, length in enumerate(lengths):
        features = []
        for d in range(x.shape[2]):
            hidden = mixer.up.weight[:, :length] @ x[b, :length, d] + mixer.up.bias
            features.append(mixer.down.weight @ (hidden * gaussian.cdf(hidden)) + mixer.down.bias)
        examples.append(torch.stack(features, 1))
    return torch.stack(examples)


def test_equals_a_network_over_the_tokens():
    mixer = build("token_mlp", shape_of(seq_len=5, options={"expansion": 3}))
    assert mixer.up.weight.shape == (15, 5)
    assert_same(
        lambda x: mixer(x, MixerCall()),
        lambda x: naive(x, mixer, lengths=[5, 5]),
        normal(2, 5, 4),
        parameters=tuple(mixer.parameters()),
    )


def test_padding_counts_as_zero():
    mixer, x = build("token_mlp", shape_of(seq_len=5)), normal(2, 5, 4)
    mask = torch.arange(5) < torch.tensor([[5], [3]])
    y, expected = mixer(x, MixerCall(mask_BL=mask)), naive(x, mixer, lengths=[5, 3])
    torch.testing.assert_close(y[mask], expected[mask], rtol=1e-9, atol=1e-11)
