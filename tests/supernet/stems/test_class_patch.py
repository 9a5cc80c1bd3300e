"""The stem with a class token against a convolution over patches, and the space that chooses it."""

import pytest
import torch

from search_space import BlockShape, TaskShape
from search_space.errors import ConfigError, SpaceError
from supernet import Supernet
from supernet.catalogue import STEMS
from tests.supernet.naive import randomise


def test_equals_a_convolution_behind_the_class_token():
    task = TaskShape(input_shape=(3, 4, 8), num_outputs=2, seq_len=9)
    stem = randomise(STEMS["class_patch"](BlockShape(task=task, embed_dim=6, head_dim=2)))
    x = torch.randn(2, 3, 4, 8, generator=torch.Generator().manual_seed(0))
    convolved = torch.nn.functional.conv2d(
        x, stem.project.weight[:5].unflatten(1, (3, 2, 2)), stem.project.bias[:5], stride=2
    )
    tokens = torch.cat([stem.class_token[:5].expand(2, 1, 5), convolved.flatten(2).mT], 1)
    torch.testing.assert_close(stem(x, embed_dim=5), tokens + stem.position[:, :5])


def test_a_space_puts_the_token_before_those_of_the_task(make_space):
    space = make_space(stem="class_patch", head="class_token")
    task = space.geometry.task
    assert (task.seq_len, task.grid, task.stem, task.head) == (17, None, "class_patch", "class_token")
    supernet = Supernet(space, generator=torch.Generator().manual_seed(0))
    assert supernet(torch.randn(3, 1, 8, 8), space.largest).shape == (3, 10)
    assert space.fingerprint != make_space().fingerprint


def test_what_does_not_fit_is_refused(make_space):
    with pytest.raises(SpaceError, match="expected blocks that need no token grid"):
        make_space(stem="class_patch", mixer=["window"])
    with pytest.raises(ConfigError, match="stem: expected one of"):
        make_space(stem="pixels")
    with pytest.raises(SpaceError, match="is no sequence"):
        make_space(stem="tokens")
    picture = TaskShape(input_shape=(3, 4, 8), num_outputs=2, seq_len=8)
    problem = STEMS["class_patch"].spec.check(BlockShape(task=picture, embed_dim=6, head_dim=2))
    assert problem == "7 square patches cannot tile an image of 4x8"
