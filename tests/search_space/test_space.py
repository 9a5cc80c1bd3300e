"""The space: canonical genes, exact size, legal architectures, stable identity."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_space import Architecture, Block, Layer, blocks_of, features
from search_space.errors import SpaceError


def test_every_sample_is_legal_canonical_and_round_trips(space):
    genes = space.sample_genes(np.random.default_rng(0), 500)
    architectures = space.decode(genes)
    for architecture in architectures:
        space.validate(architecture)
        assert Architecture.from_json(architecture.to_json()) == architecture
    assert (space.encode(architectures) == genes).all()
    assert (space.canonical(genes) == genes).all()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), rate=st.floats(0, 1))
def test_operators_stay_legal(space, seed, rate):
    rng = np.random.default_rng(seed)
    a, b = space.sample_genes(rng, 8), space.sample_genes(rng, 8)
    for child in (space.mutate(a, rng, rate=rate), space.crossover(a, b, rng)):
        for architecture in space.decode(child):
            space.validate(architecture)
        assert (space.canonical(child) == child).all()


def test_mutation_at_rate_zero_and_crossover_with_itself_change_nothing(space):
    rng = np.random.default_rng(1)
    genes = space.sample_genes(rng, 50)
    assert (space.mutate(genes, rng, rate=0.0) == genes).all()
    assert (space.crossover(genes, genes, rng) == genes).all()
    assert (space.mutate(genes, rng, rate=1.0) != genes).any()


def test_size_counts_the_distinct_networks(make_space):
    space = make_space(depth=[1, 2], embed_dim=[16], num_heads=[1, 2], ratio=[1, 2], precision=["float", "w4"])
    everything = np.array(list(itertools.product(*(range(c) for c in space.cards))))
    keys = {a.key for a in space.decode(np.unique(space.canonical(everything), axis=0))}
    assert len(keys) == round(10**space.log10_size)
    # 4 mixers (2 heads x 2 precisions) + identity, 4 channel mixers + identity, less the layer that does nothing.
    assert math.isclose(10**space.log10_size, 24 + 24**2)


def test_equal_networks_have_equal_keys_and_inactive_genes_do_not_count(space):
    genes = np.zeros((1, len(space.cards)), np.int16)
    noisy = genes.copy()
    noisy[0, 3 + 6 :] = 1  # layers past depth 1
    assert space.decode(genes)[0].key == space.decode(noisy)[0].key
    assert (space.canonical(noisy) == genes).all()


def test_corners_are_legal_and_ordered(space):
    sizes = []
    for architecture in (space.smallest, space.middle, space.largest):
        space.validate(architecture)
        sizes.append(sum(space.cost(b).params for b in blocks_of(architecture, space.geometry.task)))
    assert sizes == sorted(sizes)
    everything = space.decode(space.sample_genes(np.random.default_rng(0), 2000))
    params = [sum(space.cost(b).params for b in blocks_of(a, space.geometry.task)) for a in everything]
    assert sizes[0] <= min(params)
    assert sizes[-1] >= max(params)


def test_the_blocks_of_the_largest_network_can_be_chosen(make_space):
    blocks = {"mixer": ["softmax", "depthwise_conv"], "channel_mixer": ["mlp", "gated_mlp", "identity"]}
    usual, chosen = make_space(**blocks), make_space(**blocks, largest=["softmax", "mlp"])
    layer = chosen.largest.layers[0]
    assert (layer.mixer, layer.channel_mixer) == ("softmax", "mlp") != (usual.largest.layers[0].mixer, "mlp")
    assert replace(layer, mixer_precision="float", channel_precision="float") == layer
    assert chosen.smallest == usual.smallest and chosen.fingerprint != usual.fingerprint
    for wrong in (["softmax"], ["pooling", "mlp"], ["softmax", "mlp", "mlp"], "softmax"):
        with pytest.raises(SpaceError, match="largest: expected a mixer and a channel mixer"):
            make_space(**blocks, largest=wrong)


def test_block_ids_name_the_blocks_of_each_network(space):
    genes = space.sample_genes(np.random.default_rng(2), 200)
    for architecture, ids in zip(space.decode(genes), space.block_ids(genes), strict=True):
        assert [space.blocks[i] for i in ids if i >= 0] == blocks_of(architecture, space.geometry.task)
    assert len(set(space.blocks)) == len(space.blocks)


def test_features_are_equal_only_for_equal_networks(space):
    genes = np.unique(space.sample_genes(np.random.default_rng(3), 3000), axis=0)
    matrix = features(space, genes)
    assert np.isfinite(matrix).all()
    assert len(np.unique(matrix.round(9), axis=0)) == len(genes)


def test_suggest_asks_for_every_gene_and_gives_a_legal_network(space):
    class Trial:
        def __init__(self):
            self.names = []

        def suggest_categorical(self, name, choices):
            self.names.append(name)
            return choices[-1]

    trial = Trial()
    space.validate(space.suggest(trial))
    assert tuple(trial.names) == space.gene_names


def test_fingerprint_depends_on_the_choices_alone(make_space):
    assert make_space(name="a").fingerprint == make_space(name="b").fingerprint
    assert make_space(depth=[1]).fingerprint != make_space(depth=[2]).fingerprint


def test_fingerprint_holds_the_options_of_used_blocks_written_or_not(make_space):
    bare = make_space(mixer=["softmax", "sliding_window"])
    default = bare.catalogue.mixers["sliding_window"].options["width"]
    assert bare.geometry.options["sliding_window"] == {"width": default}
    written = make_space(mixer=["softmax", "sliding_window"], options={"sliding_window": {"width": default}})
    assert written.fingerprint == bare.fingerprint and written.geometry == bare.geometry
    changed = make_space(mixer=["softmax", "sliding_window"], options={"sliding_window": {"width": default + 1}})
    assert changed.fingerprint != bare.fingerprint
    unused = make_space(mixer=["softmax"], options={"sliding_window": {"width": 3}})
    assert "sliding_window" not in unused.geometry.options
    assert unused.fingerprint == make_space(mixer=["softmax"]).fingerprint


@pytest.mark.parametrize(("table", "key"), [("mixers", "softmax"), ("stems", "patch"), ("heads", "pooled")])
def test_fingerprint_changes_with_the_version_or_default_of_a_used_block(space, table, key):
    def with_change(key: str, **change: object) -> str:
        specs = getattr(space.catalogue, table)
        catalogue = replace(space.catalogue, **{table: {**specs, key: replace(specs[key], **change)}})
        return replace(space, catalogue=catalogue).fingerprint

    assert with_change(key) == space.fingerprint
    assert with_change(key, version=2) != space.fingerprint
    assert with_change(key, options={"size": 3}) != space.fingerprint
    if table == "mixers":
        assert with_change("window", version=2, options={"size": 3}) == space.fingerprint


def test_equal_numbers_give_equal_keys(make_space, space):
    whole, real = (
        Architecture(embed_dim=16, layers=(Layer(mixer="softmax", num_heads=2, channel_mixer="mlp", ratio=ratio),))
        for ratio in (2, 2.0)
    )
    assert whole == real and whole.key == real.key and whole.to_json() == real.to_json()
    block = Block(kind="channel_mixer", key="mlp", embed_dim=16, ratio=2)
    assert str(block) == str(replace(block, ratio=2.0)) and type(block.ratio) is float
    declared = replace(space, ratio=(1, 2))
    assert declared.fingerprint == replace(space, ratio=(1.0, 2.0)).fingerprint == space.fingerprint
    assert declared.largest.key == space.largest.key


LAYER = Layer(mixer="softmax", num_heads=2, channel_mixer="mlp", ratio=2.0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"embed_dim": 17}, "embed_dim: expected one of 16, 24, 32, got 17"),
        ({"layers": (LAYER,) * 4}, "depth: expected one of 1, 2, 3, got 4"),
        ({"layers": (Layer(mixer="fft", channel_mixer="mlp", ratio=1.0),)}, "layer0.mixer: expected one of softmax"),
        ({"layers": (Layer(mixer="softmax", num_heads=3, channel_mixer="identity"),)}, "layer0.num_heads"),
        ({"layers": (Layer(mixer="identity", num_heads=2, channel_mixer="mlp", ratio=1.0),)}, "the neutral value"),
        ({"layers": (Layer(mixer="identity", channel_mixer="identity"),)}, "expected a layer that does something"),
    ],
)
def test_validate_says_which_gene_and_why(space, change, words):
    architecture = Architecture(**{"embed_dim": 16, "layers": (LAYER,), **change})
    with pytest.raises(SpaceError) as error:
        space.validate(architecture)
    assert words in str(error.value)
    with pytest.raises(SpaceError):
        space.encode([architecture])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        '{"schema": 2}',
        '{"schema": 1, "layers": [{"mixre": "softmax"}]}',
        '{"schema": 1, "embed_dim": 16.0, "layers": []}',
        '{"schema": 1, "embed_dim": 16, "layers": [{"mixer": "a", "channel_mixer": "b", "num_heads": true}]}',
        '{"schema": 1, "embed_dim": 16, "layers": [{"mixer": "a", "channel_mixer": "b", "ratio": "wide"}]}',
    ],
)
def test_broken_json_is_refused(text):
    with pytest.raises(SpaceError):
        Architecture.from_json(text)
