"""Bad declarations: one clear line each."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from search_space.errors import ConfigError, SpaceError
from supernet import catalogue


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"mixer": ["softmux"]}, "mixer: expected"),
        ({"mixer": []}, "mixer: expected at least one"),
        ({"embed_dim": [16, 16]}, "expected distinct choices"),
        ({"embed_dim": [0]}, "embed_dim: expected positive integers, got 0"),
        ({"precision": ["int3"]}, "precision: expected float"),
        ({"ratio": [0.3]}, "ratio: expected ratio * embed_dim to be a positive integer, got 0.3 * 16"),
        ({"ratio": [1e-9]}, "ratio: expected ratio * embed_dim to be a positive integer, got 1e-09 * 16"),
        ({"ratio": ["a"]}, "ratio: expected positive numbers, got 'a'"),
        ({"ratio": [math.inf]}, "ratio: expected positive numbers, got inf"),
        ({"ratio": [math.nan]}, "ratio: expected positive numbers, got nan"),
        ({"ratio": [None]}, "ratio: expected positive numbers, got None"),
        ({"ratio": [True]}, "ratio: expected positive numbers, got True"),
        ({"ratio": [1, 1.0]}, "ratio: expected distinct choices"),
        ({"ratio": [[1]]}, "ratio: expected positive numbers, got [1]"),
        ({"mixer": [["softmax"]]}, "mixer: expected axial, bilevel_routing"),
        ({"channel_mixer": [{"mlp": 1}]}, "channel_mixer: expected gated_mlp"),
        ({"precision": [8]}, "precision: expected float, w8a8, w8a8_2of4, w8a8s, w8a8g32, w8, w4a8, w4a8c, w4, got 8"),
        ({"float_precision": [None]}, "float_precision: expected fp32, bf16, fp16, got None"),
        ({"embed_dim": [True]}, "embed_dim: expected positive integers, got True"),
        ({"embed_dim": [10**400]}, "embed_dim: expected positive integers, got 1000"),
        ({"embed_dim": [16.0]}, "embed_dim: expected positive integers, got 16.0"),
        ({"depth": [True]}, "depth: expected positive integers, got True"),
        ({"depth": [[1]]}, "depth: expected positive integers, got [1]"),
        ({"num_heads": ["2"]}, "num_heads: expected positive integers, got '2'"),
        ({"head_dim": True}, "head_dim: expected a positive integer, got True"),
        ({"head_dim": None}, "head_dim: expected a positive integer, got None"),
        ({"options": None}, "options: expected constants by block, got None"),
        ({"options": 5}, "options: expected constants by block, got 5"),
        (
            {"options": {"window": 4}},
            "options.window: expected a mapping with keys among ['relative_bias', 'size'], got 4",
        ),
        ({"options": {"window": {"size": {"a": 4}}}}, "options.window.size: expected a number"),
        ({"options": {"window": {"size": [4, [2]]}}}, "options.window.size: expected a number"),
        ({"options": {"window": {"size": []}}}, "or a list of them that is not empty, got []"),
        ({"options": {"window": {"size": [2, 2]}}}, "options.window.size: expected distinct choices, got [2, 2]"),
        ({"options": {"window": {"size": [2, "big"]}}, "mixer": ["window"]}, "got size 'big' is not an integer"),
        ({"options": {"window": {"size": [2, 3]}}, "mixer": ["window"]}, "got windows of 3x3 tokens cannot tile"),
        ({"options": {"topk": {"keys": [4, 0]}}, "mixer": ["topk"]}, "got keys 0 is not an integer of at least 1"),
        ({"options": {"topk": {"keys": list(range(1, 300))}}, "mixer": ["topk"]}, "got 299 ways to choose its options"),
        ({"options": {"softmax": {"kv_heads": 3}}}, "got kv_heads 3 does not divide num_heads 1"),
        ({"options": {"softmax": {"kv_heads": [1, 3]}}}, "got kv_heads 3 does not divide num_heads 1"),
        ({"options": {"softmax": {"kv_heads": [2, 3]}}, "num_heads": [1]}, "kv_heads 2 does not divide num_heads 1"),
        ({"options": {"softmax": {"kv_heads": [1, True]}}}, "options.softmax.kv_heads: expected distinct choices"),
        ({"options": {"softmax": {"kv_heads": [True, 2]}}}, "got kv_heads True is neither all nor an integer"),
        ({"options": {"mlp": {"activation": ["gelu", "tanh"]}}}, "got activation 'tanh' is not one of gelu"),
        ({"options": {"bare_tokens": {"table": ["float", "int8"]}}}, "all networks of a space have the same stem"),
        ({"options": {4: {"size": 4}}}, "options: expected keys of known blocks, got 4"),
        ({"mixer": ["identity"], "channel_mixer": ["identity"]}, "something besides identity"),
        ({"depth": 3}, "space.depth: expected a list of choices"),
        ({"widht": [1]}, "space.widht: expected one of"),
        ({"head_dim": 0}, "head_dim: expected a positive integer, got 0"),
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


@pytest.mark.parametrize("kind", ["stem", "mixer", "channel_mixer", "head"])
def test_an_unknown_block_is_a_user_error(kind):
    with pytest.raises(ConfigError, match=rf"^{kind}: expected one of .*, got 'fft'"):
        catalogue().spec(kind, "fft")


def test_an_unknown_stem_of_a_task_is_a_user_error(make_space, space):
    with pytest.raises(ConfigError, match=r"^stem: expected one of .*patch.*, got 'pixels'"):
        make_space(task=replace(space.geometry.task, stem="pixels"))
