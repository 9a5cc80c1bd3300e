"""A space whose head gives other outputs than the task wants is refused before anything begins."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runs.pipeline.ahead.declared import check_head
from search_space import TaskShape, space_from_mapping
from search_space.errors import ConfigError
from supernet import catalogue

WORDS = TaskShape(input_shape=(8,), num_outputs=3, seq_len=8, vocab_size=9, stem="tokens", head="language_model")
TEXTS = replace(WORDS, head="pooled")


def space_with(head: str, task: TaskShape):
    choices = {"embed_dim": [8], "depth": [1], "head_dim": 4, "mixer": ["softmax"], "num_heads": [1]}
    declared = {
        "name": "small",
        "channel_mixer": ["mlp"],
        "ratio": [1],
        "precision": ["float"],
        "head": head,
        **choices,
    }
    return space_from_mapping(declared, task=task, catalogue=catalogue())


def test_heads_of_the_other_kind_are_refused():
    check_head(space_with("each_token", WORDS), WORDS)
    check_head(space_with("mean_pooling", TEXTS), TEXTS)
    with pytest.raises(
        ConfigError, match=r"space\.head: expected a head with outputs of every token, as language_model"
    ):
        check_head(space_with("mean_pooling", WORDS), WORDS)
    with pytest.raises(ConfigError, match=r"outputs of each example, as pooled, got each_token"):
        check_head(space_with("each_token", TEXTS), TEXTS)
