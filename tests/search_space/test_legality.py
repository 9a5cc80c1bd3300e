"""Bad declarations: one clear line each."""

from __future__ import annotations

from dataclasses import replace

import pytest

from search_space.errors import SpaceError


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"mixer": ["softmux"]}, "mixer: expected"),
        ({"mixer": []}, "mixer: expected at least one"),
        ({"embed_dim": [16, 16]}, "expected distinct choices"),
        ({"embed_dim": [0]}, "embed_dim: expected positive integers, got 0"),
        ({"precision": ["int3"]}, "precision: expected float"),
        ({"ratio": [0.3]}, "ratio: expected ratio * embed_dim to be an integer, got 0.3 * 16"),
        ({"mixer": ["identity"], "channel_mixer": ["identity"]}, "something besides identity"),
        ({"depth": 3}, "space.depth: expected a list of choices"),
        ({"widht": [1]}, "space.widht: expected one of"),
        ({"head_dim": 0}, "space.head_dim"),
        ({"options": {"window": {"sise": 4}}, "mixer": ["window"]}, "options.window"),
        ({"options": {"windoe": {"size": 4}}}, "expected keys of known blocks"),
        ({"mixer": ["window"], "options": {"window": {"size": 3}}}, "mixer window"),
    ],
)
def test_a_bad_declaration_is_named(make_space, overrides, words):
    with pytest.raises(SpaceError) as error:
        make_space(**overrides)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_a_causal_task_refuses_what_sees_the_future(make_space, space):
    task = replace(space.geometry.task, causal=True)
    with pytest.raises(SpaceError, match="sees the future"):
        make_space(task=task, mixer=["window"])


def test_a_task_without_a_grid_refuses_grid_mixers(make_space, space):
    from search_space import TaskShape

    task = TaskShape(input_shape=(1, 8, 8), num_outputs=10, seq_len=16, grid=None)
    with pytest.raises(SpaceError, match="need no token grid"):
        make_space(task=task, mixer=["window"])
