"""What a causal mixer declares to remember is what it remembers: the tensors that its steps hand on, byte by byte."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from predictors import CostModel
from search_space import space_from_mapping
from supernet import Network, catalogue
from supernet.catalogue import MIXERS
from tests.contracts.test_sequences import text

LENGTH = 12
CAUSAL = [key for key, block in MIXERS.items() if block.spec.causal and not block.spec.skips]


def space_of(*mixers: str, length: int = LENGTH):
    declared = {
        "name": "states",
        "embed_dim": [16, 24],
        "depth": [1, 2],
        "head_dim": 8,
        "mixer": list(mixers),
        "num_heads": [1, 3],
        "channel_mixer": ["mlp"],
        "ratio": [1],
        "precision": ["float", "w8a8"],
    }
    return space_from_mapping(declared, task=text(length, causal=True), catalogue=catalogue())


def real_bytes(architecture, geometry, *, batch: int) -> int:
    """Return the bytes of the states that a network hands on after two tokens."""
    network = Network(architecture, geometry).eval()
    states = network.initial_state(batch)
    with torch.no_grad():
        for position in range(2):
            _, states = network.step(torch.ones(batch, 1, dtype=torch.int64), states, position=torch.tensor(position))
    return sum(t.numel() * t.element_size() for state in states for t in state)


@pytest.mark.parametrize("key", CAUSAL)
def test_the_cache_is_that_of_the_tensors(key):
    space = space_of(key, "identity")
    genes = space.encode(
        [space.smallest, space.largest, *space.decode(space.sample_genes(np.random.default_rng(0), 3))]
    )
    for batch in (1, 3):
        found = CostModel(space, sequences=batch).cache_bytes(genes)
        assert found.tolist() == [real_bytes(a, space.geometry, batch=batch) for a in space.decode(genes)]


@pytest.mark.parametrize("key", CAUSAL)
def test_a_cache_of_fewer_tokens_is_that_of_a_shorter_task(key):
    space, short = space_of(key), space_of(key, length=5)
    genes = space.encode([space.smallest, space.largest])
    found = CostModel(space, cache_tokens=5).cache_bytes(genes)
    assert found.tolist() == CostModel(short).cache_bytes(genes).tolist()


def test_a_state_of_constant_size_does_not_grow_and_a_cache_does():
    for key, grows in (("linear", False), ("selective_scan", False), ("gated_short_conv", False), ("softmax", True)):
        spaces = [space_of(key, length=n) for n in (12, 24)]
        sizes = [CostModel(space).cache_bytes(space.encode([space.smallest]))[0] for space in spaces]
        assert (sizes[1] == 2 * sizes[0]) == grows and (sizes[0] == sizes[1]) == (not grows), key
