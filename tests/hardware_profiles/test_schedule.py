"""The order within a time budget."""

import math

import numpy as np

from hardware_profiles.measuring.schedule import interleaved, spread_out
from hardware_profiles.measuring.turns import Turns
from search_space import Architecture, Block, Layer

LAYER = Layer(mixer="softmax", num_heads=2, channel_mixer="mlp", ratio=2.0)
BLOCKS = [
    Block(kind="mixer", key=key, embed_dim=8 * n, num_heads=2, precision=p)
    for key in ("softmax", "linear")
    for n in range(1, 21)
    for p in ("float", "w8a8")
]
NETWORKS = [Architecture(embed_dim=8 * n, layers=(LAYER,)) for n in range(1, 9)]


def describe(subject):
    return (math.log(subject.embed_dim),)


def drain(turns, spent):
    return [turns.take(spent=spent) for _ in iter(lambda: bool(turns), False)]


def schedule(share=0.5):
    rng = np.random.default_rng(0)
    return spread_out([*BLOCKS, *NETWORKS], rng, describe=describe, block_share=share)


def test_the_opening_holds_every_kind_and_three_networks():
    turns = schedule()
    opening = [turns.take(spent=0.0) for _ in range(7)]
    assert {str(group[0]) for group in opening[:2]} == {str(group[0].in_float()) for group in opening[5:]}
    assert {group[0].key for group in opening[:2]} == {"softmax", "linear"}
    assert [group[0] for group in opening[2:5]] == NETWORKS[:3]


def test_blocks_go_first_and_networks_after_their_share_and_nothing_is_lost():
    turns = schedule()
    early = [turns.take(spent=0.1) for _ in range(20)]
    assert all(isinstance(group[0], Block) for group in early[7:])
    late = [turns.take(spent=0.7) for _ in range(5)]
    assert [group[0] for group in late] == NETWORKS[3:]
    rest = drain(turns, 0.9)
    taken = [subject for group in early + late + rest for subject in group]
    assert sorted(map(str, taken)) == sorted(map(str, [*BLOCKS, *NETWORKS])) and len(set(taken)) == len(taken)


def test_every_block_comes_in_float_before_the_other_precisions():
    groups = drain(schedule(1.0), 0.0)[7:-5]
    assert [{s.precision for s in group} for group in groups] == [{"float"}] * 38 + [{"w8a8"}] * 38


def test_whatever_is_left_out_lies_between_what_was_measured():
    """After a third of the blocks, none is farther than a few widths from a measured one of its kind."""
    turns = schedule(1.0)
    taken = [turns.take(spent=0.0)[0] for _ in range(3 + 14)]
    for key in ("softmax", "linear"):
        done = {s.embed_dim // 8 for s in taken if isinstance(s, Block) and s.key == key}
        assert {1, 20} <= done
        distance = [min(abs(math.log(n / m)) for m in done) for n in range(1, 21)]
        assert max(distance) < math.log(2)


def test_without_costs_the_order_is_random_and_reproducible():
    def order(seed):
        turns = spread_out(BLOCKS, np.random.default_rng(seed), describe=None, block_share=1.0)
        return [group[0] for group in drain(turns, 0.0)]

    assert order(0) == order(0) != order(1)


def test_everything_is_interleaved_without_a_budget():
    turns = interleaved([*BLOCKS, *NETWORKS], np.random.default_rng(0))
    groups = drain(turns, 0.0)
    assert len(groups) == 48
    first = [group[0] for group in groups[:24]]
    assert 2 <= sum(isinstance(s, Architecture) for s in first) <= 6


def test_turns_without_networks_go_on_with_blocks():
    turns = Turns([], blocks=[["a"], ["b"]], block_share=0.1)
    assert drain(turns, 0.9) == [["a"], ["b"]]
