"""The stem of whole series against its formula, and what padding may change: nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from search_space import Architecture, BlockShape, Geometry, Layer, TaskShape
from supernet import Network
from supernet.catalogue import STEMS
from supernet.elastic import reset_parameters

TASK = TaskShape(input_shape=(12, 3), num_outputs=5, seq_len=4, stem="series_patch")


def test_each_token_is_a_patch_of_all_channels():
    stem = STEMS["series_patch"](BlockShape(task=TASK, embed_dim=6, head_dim=2)).double()
    reset_parameters(stem, torch.Generator().manual_seed(0))
    x = torch.randn(2, 12, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    y = stem(x, embed_dim=4)
    for b in range(2):
        for place in range(4):
            values = torch.stack([x[b, 3 * place + step, c] for step in range(3) for c in range(3)])
            expected = stem.project.weight[:4] @ values + stem.project.bias[:4] + stem.position[place, :4]
            torch.testing.assert_close(y[b, place], expected)
    assert stem.mask(x) is None


@pytest.mark.parametrize("mixer", ["softmax", "linear", "depthwise_conv", "retention"])
def test_what_follows_the_end_of_a_series_changes_nothing(mixer):
    task = replace(TASK, input_shape=(12, 3), padded=True)
    layer = Layer(mixer=mixer, num_heads=2 * (mixer != "depthwise_conv"), channel_mixer="mlp", ratio=2.0)
    network = Network(Architecture(embed_dim=8, layers=(layer,)), Geometry(task=task, head_dim=4)).double().eval()
    reset_parameters(network, torch.Generator().manual_seed(0))
    x = torch.randn(3, 12, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    x[..., -1] = 1.0
    x[1, 5:], x[2, 0:] = 0.0, 0.0
    mask = network.body.stem.mask(x)
    assert mask.tolist() == [[True] * 4, [True, True, False, False], [True, False, False, False]]
    other = x.clone()
    other[1, 6:, :-1] = 100.0  # behind the end, in patches that are not real
    y, again = network(x), network(other)
    torch.testing.assert_close(y, again)
    assert not torch.allclose(y[0], y[1])


@pytest.mark.parametrize(
    "changes",
    [{"input_shape": (12,)}, {"seq_len": 5}, {"vocab_size": 7}, {"input_shape": (12, 1), "padded": True}],
)
def test_what_does_not_fit_is_refused(changes):
    check = STEMS["series_patch"].spec.check
    assert check(BlockShape(task=replace(TASK, **changes), embed_dim=6, head_dim=2))
    assert not check(BlockShape(task=TASK, embed_dim=6, head_dim=2))
