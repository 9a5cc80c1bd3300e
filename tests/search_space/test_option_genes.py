"""Options that a space searches: genes that are canonical, priced, and absent where a space searches none."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from search_space import Architecture, Geometry, Layer, SearchSpace, blocks_of, declaration_of, features
from search_space import space_from_mapping as from_mapping
from search_space.blocks import block_of
from search_space.errors import SpaceError

OPTIONS = {
    "softmax": {"kv_heads": [1, 2, "all"]},
    "sliding_window": {"width": [2, 4, 15, 40]},
    "mlp": {"activation": ["relu", "gelu"]},
    "low_rank_mlp": {"reduction": [2, 4]},
}
CHOICES = {
    "mixer": ["softmax", "sliding_window", "pooling", "identity"],
    "channel_mixer": ["mlp", "low_rank_mlp", "identity"],
    "num_heads": [1, 2, 3],
    "depth": [1, 2],
    "precision": ["float", "w8"],
}


@pytest.fixture(scope="module")
def searched(make_space) -> SearchSpace:
    return make_space(**CHOICES, options=OPTIONS)


def draws(space: SearchSpace, n: int = 400) -> np.ndarray:
    return space.sample_genes(np.random.default_rng(0), n)


def test_networks_come_back_from_genes_and_from_json(searched):
    genes = draws(searched)
    networks = searched.decode(genes)
    for network in networks:
        searched.validate(network)
        assert Architecture.from_json(network.to_json()) == network
    assert (searched.encode(networks) == genes).all() and (searched.canonical(genes) == genes).all()
    assert len({n.key for n in networks}) == len(set(networks)) == len(np.unique(genes, axis=0))


def test_a_layer_has_the_options_of_its_own_blocks_alone(searched):
    for network in searched.decode(draws(searched)):
        for layer in network.layers:
            assert [name for name, _ in layer.mixer_options] == list(OPTIONS.get(layer.mixer, {}))
            assert [name for name, _ in layer.channel_options] == list(OPTIONS.get(layer.channel_mixer, {}))


def test_what_computes_the_same_is_one_network(searched):
    found = {
        (layer.mixer, layer.num_heads, dict(layer.mixer_options).get("kv_heads"))
        for network in searched.decode(draws(searched, 2000))
        for layer in network.layers
        if layer.mixer == "softmax"
    }
    # All heads of one are 1, all of two are 2; two do not divide three.
    assert found == {("softmax", 1, 1), ("softmax", 2, 1), ("softmax", 2, 2), ("softmax", 3, 1), ("softmax", 3, "all")}
    widths = {
        dict(layer.mixer_options)["width"]
        for network in searched.decode(draws(searched, 2000))
        for layer in network.layers
        if layer.mixer == "sliding_window"
    }
    assert widths == {2, 4, 15}  # of 16 tokens all see each other in both of the wider windows


def test_size_counts_the_distinct_networks(make_space):
    space = make_space(**{**CHOICES, "depth": [1], "embed_dim": [16], "ratio": [1]}, options=OPTIONS)
    rng = np.random.default_rng(0)
    assert len(np.unique(space.sample_genes(rng, 20_000), axis=0)) == round(10**space.log10_size)


def test_children_have_options_of_their_parents_or_new_ones(searched):
    rng = np.random.default_rng(0)
    genes = draws(searched)
    a, b = np.array_split(genes[genes[:, 1] == 1][:180], 2)  # of one depth, so that no layer is without a parent
    child = searched.decode(searched.crossover(a, b, rng))
    for network, mother, father in zip(child, searched.decode(a), searched.decode(b), strict=True):
        assert set(network.layers) <= {*mother.layers, *father.layers}
    changed = searched.decode(searched.mutate(a, rng, rate=0.1))
    pairs = [
        (one, other)
        for new, old in zip(changed, searched.decode(a), strict=True)
        for one, other in zip(new.layers, old.layers, strict=False)
    ]
    assert any(replace(one, mixer_options=other.mixer_options) == other != one for one, other in pairs)


def test_blocks_are_those_of_the_networks_and_cost_what_their_options_say(searched):
    genes = draws(searched)
    for ids, network in zip(searched.block_ids(genes), searched.decode(genes), strict=True):
        blocks = [searched.blocks[i] for i in ids if i >= 0]
        assert blocks == blocks_of(network, searched.geometry.task)
        assert [block_of(block.to_mapping()) for block in blocks] == blocks
    costs = {block: searched.cost(block) for block in searched.blocks}
    assert len(set(costs)) == len(searched.blocks)
    thin, thick = (
        next(b for b in searched.blocks if b.key == "low_rank_mlp" and dict(b.options) == {"reduction": reduction})
        for reduction in (4, 2)
    )
    assert thick == replace(thin, options={"reduction": 2}) and costs[thin].params < costs[thick].params


def test_corners_have_the_extreme_options(searched):
    assert all(network in searched for network in (searched.largest, searched.smallest, searched.middle))
    assert dict(searched.largest_options("channel_mixer", "low_rank_mlp")) == {"reduction": 2}
    assert dict(searched.largest_options("mixer", "softmax")) == {"kv_heads": "all"}
    assert dict(searched.middle.layers[0].mixer_options) == {"kv_heads": 1}


def test_a_canonical_layer_keeps_a_precision_that_the_space_has_not(searched):
    layer = Layer(mixer="softmax", num_heads=2, channel_mixer="identity", mixer_precision="w4", channel_precision="w4")
    found = searched.canonical_layer(replace(layer, mixer_options={"kv_heads": "all"}))
    assert found == replace(layer, channel_precision="float", mixer_options={"kv_heads": 2})
    with pytest.raises(ValueError):
        searched.canonical_layer(replace(layer, mixer_options={"width": 2}))


def test_ranks_that_are_the_same_are_one_network(make_space):
    sizes = {"embed_dim": [8], "ratio": [1], "mixer": ["pooling"], "channel_mixer": ["low_rank_mlp"], "depth": [1]}
    space = make_space(**sizes, precision=["float"], options={"low_rank_mlp": {"reduction": [1, 4, 8]}})
    assert round(10**space.log10_size) == 2, "of 8 by 8 weights a fourth and an eighth are a rank of one"


def test_features_tell_options_apart(searched):
    genes = np.unique(draws(searched), axis=0)
    assert len(np.unique(features(searched, genes), axis=0)) == len(genes)


def test_a_list_of_one_value_is_the_value(make_space):
    one, listed = (make_space(mixer=["topk"], options={"topk": {"keys": keys}}) for keys in (4, [4]))
    assert one.fingerprint == listed.fingerprint and one.gene_names == listed.gene_names


def test_a_space_without_lists_writes_what_it_always_wrote(make_space):
    space = make_space()
    assert space.gene_names[3:9] == tuple(f"layer0.{g}" for g in (
        "mixer", "num_heads", "channel_mixer", "ratio", "mixer_precision", "channel_precision",
    ))  # fmt: skip
    assert len(space.gene_names) == 3 + 6 * space.max_depth and not space.option_genes
    layer = Layer(mixer="softmax", num_heads=1, channel_mixer="mlp", ratio=2)
    text = (
        '{"embed_dim":16,"float_precision":"fp32","layers":[{"channel_mixer":"mlp","channel_precision":"float",'
        '"mixer":"softmax","mixer_precision":"float","num_heads":1,"ratio":2.0}],"schema":1}'
    )
    assert Architecture(embed_dim=16, layers=(layer,)).to_json() == text
    assert all("options" not in block.to_mapping() for block in space.blocks)
    assert "kv_heads" not in space.geometry.to_json()


def test_a_space_comes_back_from_its_declaration(searched):
    again = from_mapping(declaration_of(searched), task=searched.geometry.task, catalogue=searched.catalogue)
    assert again.fingerprint == searched.fingerprint
    assert Geometry.from_json(searched.geometry.to_json()) == searched.geometry
    other = from_mapping(
        {**declaration_of(searched), "options": {**OPTIONS, "sliding_window": {"width": [2, 4]}}},
        task=searched.geometry.task,
        catalogue=searched.catalogue,
    )
    assert other.fingerprint != searched.fingerprint


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "layer0.mixer_options.kv_heads: expected one of 1, 2, all, got nothing"),
        ({"kv_heads": 4}, "layer0.mixer_options.kv_heads: expected one of 1, 2, all, got 4"),
        ({"kv_heads": True}, "layer0.mixer_options.kv_heads: expected one of 1, 2, all, got True"),
        ({"kv_heads": 1, "width": 4}, "layer0.mixer_options: expected options of softmax that the space searches"),
        ({"kv_heads": "all"}, "layer0.mixer_options: expected (kv_heads=2), which stands for it"),
    ],
)
def test_validate_names_the_option(searched, options, words):
    layer = Layer(mixer="softmax", num_heads=2, mixer_options=options, channel_mixer="identity")
    with pytest.raises(SpaceError) as error:
        searched.validate(Architecture(embed_dim=16, layers=(layer,)))
    assert words in str(error.value)
    with pytest.raises(SpaceError):
        searched.encode([Architecture(embed_dim=16, layers=(layer,))])


def test_options_of_another_schema_are_refused():
    layer = Layer(mixer="softmax", num_heads=2, mixer_options={"kv_heads": 1}, channel_mixer="identity")
    data = json.loads(Architecture(embed_dim=16, layers=(layer,)).to_json())
    assert data["schema"] == 2
    for changed in ({"schema": 1}, {"schema": 3}, {"schema": True}):
        with pytest.raises(SpaceError):
            Architecture.from_json(json.dumps(data | changed))
    data["layers"][0]["mixer_options"] = {"kv_heads": [1]}
    with pytest.raises(SpaceError):
        Architecture.from_json(json.dumps(data))
    assert math.isfinite(layer.ratio) and str(layer) == "softmaxx2(kv_heads=1) + identity"
