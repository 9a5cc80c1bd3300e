"""What a step sees is a function of (seed, step) and fair to examples and blocks."""

from collections import Counter

import numpy as np
import pytest
import torch

from search_space.errors import ConfigError
from supernet.training import TrainingConfig
from supernet.training.sampling import augmentation_generator, batch_rows, subnets

GENES = ("mixer", "channel_mixer")


def test_every_epoch_sees_each_example_once():
    rows = torch.cat([batch_rows(seed=3, step=step, batch_size=8, n=20) for step in range(10)])
    epochs = rows.reshape(4, 20)
    assert all(sorted(epoch.tolist()) == list(range(20)) for epoch in epochs)
    assert len({tuple(epoch.tolist()) for epoch in epochs}) == 4
    whole = batch_rows(seed=3, step=0, batch_size=80, n=20)
    assert torch.equal(whole, rows), "a batch larger than the data spans epochs"
    assert not torch.equal(batch_rows(seed=4, step=0, batch_size=80, n=20), whole)


def test_draws_do_not_depend_on_what_was_drawn_before(space):
    config = TrainingConfig(steps=100, seed=5)
    forwards = [subnets(space, config, step=step) for step in range(10)]
    assert [subnets(space, config, step=step) for step in reversed(range(10))] == forwards[::-1]
    assert len({network for step in forwards for network in step.random}) > 10
    draws = [torch.rand(3, generator=augmentation_generator(seed=5, step=step)).tolist() for step in (1, 2, 1)]
    assert draws[0] == draws[2] != draws[1]


@pytest.mark.parametrize("num_random", [1, 2, 5])
def test_each_layer_visits_every_mixer_equally_often(make_space, num_random: int):
    space = make_space(depth=[3], mixer=["softmax", "identity"], channel_mixer=["mlp"])
    config = TrainingConfig(steps=60, num_random=num_random)
    visits = [Counter() for _ in range(3)]
    patterns = set()
    for step in range(60):
        for network in subnets(space, config, step=step).random:
            patterns.add(tuple(layer.mixer for layer in network.layers))
            for count, layer in zip(visits, network.layers, strict=True):
                count[layer.mixer] += 1
        for count in visits:
            assert max(count.values()) - min(count[m] for m in space.mixer) <= 1
    assert len(patterns) == 8, "layers are permuted apart"


@pytest.mark.parametrize("num_random", [1, 3])
@pytest.mark.parametrize(
    ("mixer", "channel_mixer"),
    [
        (["softmax", "identity"], ["mlp", "gated_mlp", "identity"]),
        (["identity", "softmax", "linear", "pooling"], ["identity", "mlp", "gated_mlp"]),
        (["softmax", "linear", "identity"], ["mlp", "identity"]),
        (["identity", "softmax"], ["identity", "mlp"]),
        (["identity"], ["mlp", "gated_mlp", "identity"]),
        (["softmax", "identity", "linear"], ["identity"]),
    ],
)
def test_blocks_with_weights_are_visited_equally_often_beside_two_identities(
    make_space, mixer, channel_mixer, num_random: int
):
    space = make_space(depth=[3], mixer=mixer, channel_mixer=channel_mixer)
    config = TrainingConfig(steps=80, num_random=num_random, seed=11)
    visits = {gene: [Counter(dict.fromkeys(getattr(space, gene), 0)) for _ in range(3)] for gene in GENES}
    for step in range(80):
        for network in subnets(space, config, step=step).random:
            for i, layer in enumerate(network.layers):
                for gene in GENES:
                    visits[gene][i][getattr(layer, gene)] += 1
        for gene in GENES:
            for count in visits[gene]:
                trained = [n for key, n in count.items() if key != "identity"]
                assert not trained or max(trained) - min(trained) <= 1
                if len(channel_mixer) > 2 and len(mixer) > 1:
                    assert max(count.values()) - min(count.values()) <= 1, "the identity too"


def test_every_subnet_is_legal_and_precise_only_in_the_last_phase(space):
    config = TrainingConfig(steps=40, precision_phase=0.25, num_random=3)
    seen = {False: set(), True: set()}
    for step in range(40):
        drawn = subnets(space, config, step=step)
        for network in (drawn.largest, *drawn.students):
            space.validate(network)
        for network in drawn.students:
            seen[step >= 30] |= {p for x in network.layers for p in (x.mixer_precision, x.channel_precision)}
        assert {x.mixer_precision for x in drawn.largest.layers} == {"float"}
    assert seen[False] == {"float"} and seen[True] == {"float", "w8a8", "w8", "w4"}


def test_the_largest_trains_alone_in_the_teacher_phase(space):
    config = TrainingConfig(steps=10, teacher_phase=0.3, num_random=2)
    drawn = [subnets(space, config, step=step) for step in range(10)]
    assert [len(x.students) for x in drawn] == [0, 0, 0, 3, 3, 3, 3, 3, 3, 3]
    assert {x.largest for x in drawn} == {space.largest.in_float()}


def test_sizes_open_from_the_largest_down(make_space):
    space = make_space(embed_dim=[32, 16, 48], depth=[1, 2, 3], ratio=[1, 2], num_heads=[2, 1])
    config = TrainingConfig(steps=40, teacher_phase=0.1, opening_phase=0.5, num_random=4)
    widths, depths, smallest = [], [], []
    for step in range(4, 40):
        drawn = subnets(space, config, step=step)
        for network in drawn.students:
            space.validate(network)
        widths.append({n.embed_dim for n in drawn.random})
        depths.append({len(n.layers) for n in drawn.random})
        smallest.append(drawn.smallest)
    assert widths[0] == {48} and depths[0] == {3}
    assert (smallest[0].embed_dim, len(smallest[0].layers)) == (48, 3)
    assert set.union(*widths[:10]) == {48, 32}, "the middle opens first"
    assert set.union(*widths) == {16, 32, 48} and set.union(*depths) == {1, 2, 3}
    assert [x.in_float() for x in smallest[20:]] == [space.smallest.in_float()] * 16


def test_a_rotating_teacher_has_the_largest_sizes_and_every_mixer_equally_often(make_space):
    space = make_space(depth=[2, 3], mixer=["softmax", "pooling", "linear", "identity"])
    config = TrainingConfig(steps=60, rotate_teacher=True)
    visits = [Counter() for _ in range(3)]
    for step in range(60):
        largest = subnets(space, config, step=step).largest
        space.validate(largest)
        assert (largest.embed_dim, len(largest.layers)) == (space.largest.embed_dim, 3)
        for count, layer in zip(visits, largest.layers, strict=True):
            count[layer.mixer] += 1
    assert all(count == {"softmax": 20, "pooling": 20, "linear": 20} for count in visits)


def test_every_so_many_draws_all_layers_are_the_same_and_every_mixer_has_its_turn(make_space):
    space = make_space(depth=[3], mixer=["softmax", "pooling", "linear", "identity"], channel_mixer=["mlp", "identity"])
    config = TrainingConfig(steps=80, num_random=1, uniform_every=2)
    drawn = [subnets(space, config, step=step).random[0] for step in range(80)]
    alike = drawn[1::2]
    assert all(len(set(network.layers)) == 1 for network in alike)
    assert sum(len(set(network.layers)) == 1 for network in drawn[0::2]) < 10, "the others are as before"
    assert Counter(network.layers[0].mixer for network in alike) == dict.fromkeys(space.mixer, 10)
    others = TrainingConfig(steps=80, num_random=1)
    assert [n.layers[1].mixer for n in drawn[0:80:2]] == [
        subnets(space, others, step=step).random[0].layers[1].mixer for step in range(40)
    ]
    assert {
        len(set(subnets(space, TrainingConfig(num_random=1, fair=False, uniform_every=1), step=s).random[0].layers))
        for s in range(20)
    } == {1}


def test_unfair_draws_are_uniform(make_space):
    space = make_space(depth=[1], mixer=["softmax", "identity", "linear"], channel_mixer=["mlp"])
    config = TrainingConfig(steps=600, fair=False, num_random=1)
    drawn = [subnets(space, config, step=step).random[0].layers[0].mixer for step in range(600)]
    count = Counter(drawn)
    assert all(abs(n - 200) < 60 for n in count.values())
    assert any(drawn[i] == drawn[i + 1] == drawn[i + 2] for i in range(598)), "no turns"


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"teacher_phase": 0.7, "opening_phase": 0.4}, "opening_phase"),
        ({"split_batch": True, "batch_size": 2, "num_random": 2}, "batch_size"),
    ],
)
def test_contradicting_rules_are_refused(settings, named):
    with pytest.raises(ConfigError, match=f"training.{named}"):
        TrainingConfig(**settings)


def test_the_teacher_is_float_where_no_network_of_the_space_is(make_space):
    space = make_space(precision=["w4", "w8"])
    drawn = subnets(space, TrainingConfig(steps=4, precision_phase=1.0), step=0)
    assert {p for x in drawn.largest.layers for p in (x.mixer_precision, x.channel_precision)} == {"float"}
    assert drawn.smallest is not None
    assert "float" not in {x.channel_precision for x in drawn.smallest.layers if x.channel_mixer == "mlp"}


def test_schedules():
    config = TrainingConfig(steps=100, warmup_steps=10, learning_rate=1.0, ema_decay=0.9)
    rates = [config.learning_rate_at(step) for step in range(100)]
    np.testing.assert_allclose(rates[:10], np.arange(1, 11) / 10)
    assert rates[10] == 1.0 and all(np.diff(rates[10:]) < 0) and rates[55] == pytest.approx(0.505) and rates[99] < 0.011
    decays = [config.ema_decay_at(step) for step in range(100)]
    assert decays[0] == 0.1 and all(np.diff(decays) >= 0) and decays[-1] == 0.9
    assert config.precision_start == 75
    assert TrainingConfig(steps=10, precision_phase=0.0).precision_start == 10
    pruned = [config.pruned_at(step, start=80) for step in range(100)]
    assert pruned[:80] == [0.0] * 80 and pruned[89:] == [1.0] * 11
    np.testing.assert_allclose(pruned[80:90], np.arange(1, 11) / 10)


@pytest.mark.parametrize(("steps", "warmup_steps", "peak"), [(50, 1000, 4), (50, 50, 4), (9, 3, 0), (1, 100, 0)])
def test_a_long_warm_up_leaves_a_short_training_its_peak_and_its_end(steps, warmup_steps, peak):
    config = TrainingConfig(steps=steps, warmup_steps=warmup_steps, learning_rate=1.0)
    rates = [config.learning_rate_at(step) for step in range(steps)]
    assert rates[peak] == max(rates) == 1.0 and sum(rate == 1.0 for rate in rates) <= 2
    assert all(np.diff(rates[: peak + 1]) > 0) and all(np.diff(rates[peak + 1 :]) < 0)
    assert steps == 1 or rates[-1] < 0.06


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("steps", 0, "an integer from 1"),
        ("steps", 1.5, "an integer from 1"),
        ("batch_size", True, "an integer from 1"),
        ("learning_rate", 0.0, "a number from 1e-12"),
        ("learning_rate", float("nan"), "a number"),
        ("gradient_clip", float("inf"), "a number"),
        ("ema_decay", 1.1, "a number from 0 to 1"),
        ("seed", -1, "an integer from 0"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(name, value, expected):
    with pytest.raises(ConfigError, match=f"^training.{name}: expected {expected}"):
        TrainingConfig(**{name: value})


def test_the_hash_follows_every_value():
    assert TrainingConfig().hash == TrainingConfig().hash != TrainingConfig(weight_decay=0.06).hash
