"""The shipped spaces of language models: what is in them, and that caches tell their networks apart."""

from __future__ import annotations

import numpy as np
import pytest

from predictors import CostModel
from runs.app.compose import compose
from search_space import SearchSpace, TaskShape, space_from_mapping
from supernet import catalogue

TEXT = TaskShape(
    input_shape=(256,), num_outputs=256, seq_len=256, vocab_size=256, causal=True, stem="tokens", head="language_model"
)


def shipped(name: str) -> SearchSpace:
    return space_from_mapping(compose(overrides=[f"space={name}"]).space, task=TEXT, catalogue=catalogue())


def test_the_hybrid_has_every_causal_mixer():
    found = catalogue().mixers
    assert set(shipped("causal_hybrid").mixer) == {key for key, spec in found.items() if spec.causal}


@pytest.mark.parametrize("name", ["causal_hybrid", "causal_cpu"])
def test_networks_of_it_are_legal_and_every_listed_value_occurs(name):
    space = shipped(name)
    networks = space.decode(space.sample_genes(np.random.default_rng(0), 3000))
    for network in networks[:100]:
        space.validate(network)
    layers = [layer for network in networks for layer in network.layers]
    seen = {("mixer", la.mixer, *option) for la in layers for option in la.mixer_options}
    seen |= {("channel_mixer", la.channel_mixer, *option) for la in layers for option in la.channel_options}
    assert seen == {(g.kind, g.key, g.name, value) for g in space.option_genes for value in g.values}


def test_what_is_meant_for_processors_remembers_little():
    space = shipped("causal_cpu")
    genes = space.sample_genes(np.random.default_rng(0), 1000)
    most = CostModel(space).cache_bytes(genes).max()
    whole = 2 * 4 * TEXT.seq_len * 4 * space.geometry.head_dim * space.max_depth  # keys and values of four heads
    assert most < whole / 2
