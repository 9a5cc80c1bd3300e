"""Successive halving of networks to finetune: which ones are the initial configurations, and which go on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from predictors import CostModel
from runs.search.algorithms.highest_flops import highest_flops
from runs.search.algorithms.successive_halving import initial_configurations, successive_halving
from search_space import Architecture, Genes, Layer, SearchSpace


def network(width: int, *mixers: str) -> Architecture:
    layers = tuple(Layer(mixer=mixer, num_heads=1, channel_mixer="mlp", ratio=1) for mixer in mixers)
    return Architecture(embed_dim=width, layers=layers)


def test_every_most_frequent_mixer_enters_before_the_second_best_of_one():
    attention = [(network(8 + i, "softmax", "softmax", "pooling"), 1.0 + i / 10) for i in range(5)]
    others = [(network(8, "depthwise_conv", "identity"), 9.0), (network(8, "identity", "identity"), 30.0)]
    first = [attention[0][0], others[0][0], others[1][0], attention[1][0]]
    assert initial_configurations(dict([*others, *attention]), {}, 4) == first
    assert initial_configurations({}, {a: -error for a, error in [*others, *attention]}, 4) == first
    assert len(initial_configurations(dict([*others, *attention]), {}, 100)) == 7


def test_two_networks_of_many_flops_enter_for_each_evaluated_one():
    errors = {network(8 + i, "softmax"): float(i) for i in range(4)}
    flops = {network(64 + i, "softmax"): 100.0 - i for i in range(5)}
    best, most = list(errors), list(flops)
    assert initial_configurations(errors, flops, 7) == [*most[:2], best[0], *most[2:4], best[1], most[4]]
    assert initial_configurations(errors, {best[0]: 9.0} | flops, 3) == [*most[:2], best[0]], (
        "one that both orders have enters once"
    )


def test_the_network_of_most_flops_for_each_most_frequent_mixer_and_width_is_within_the_limits(
    make_space: Callable[..., SearchSpace],
):
    space = make_space(mixer=["softmax", "depthwise_conv", "pooling", "identity"], depth=[1, 2, 3])
    costs = CostModel(space)

    def cost_function(genes: Genes) -> dict[str, np.ndarray]:
        return {"size_bytes": costs.size_bytes(genes).astype(float), "flops": costs.flops(genes).astype(float)}

    def values(architectures: list[Architecture]) -> dict[str, np.ndarray]:
        return cost_function(space.encode(architectures))

    rows = space.sample_genes(np.random.default_rng(1), 2000)
    limit = float(np.quantile(cost_function(rows)["size_bytes"], 0.3))
    limits = {"size_bytes": limit, "validation_error": 5.0}
    found = highest_flops(space, cost_function=cost_function, limits=limits, rng=np.random.default_rng(0))
    assert (values(list(found))["size_bytes"] <= limit).all()
    assert values(list(found))["flops"].tolist() == list(found.values())
    entered = initial_configurations({}, found, len(found))
    assert len({a.embed_dim for a in entered}) >= 2 and len(entered) >= 8, "for each mixer and width that fits"
    mixing = [{x.mixer for x in a.layers} for a in found if all(x.mixer != "identity" for x in a.layers)]
    assert {"softmax", "depthwise_conv", "pooling"} <= set().union(*mixing) and len(mixing) >= 6
    others = space.decode(rows[cost_function(rows)["size_bytes"] <= limit])
    flops_of = dict(zip(others, values(others)["flops"].tolist(), strict=True))
    for mixer in ("softmax", "depthwise_conv", "pooling"):
        alike = [n for a, n in flops_of.items() if {x.mixer for x in a.layers} == {mixer}]
        assert alike and max(alike) <= max(n for a, n in found.items() if mixer in {x.mixer for x in a.layers})
    assert not highest_flops(
        space, cost_function=cost_function, limits={"validation_error": 5.0}, rng=np.random.default_rng(0)
    )


@pytest.mark.parametrize(
    ("count", "lengths"),
    [(1, []), (2, [(2, 900)]), (3, [(3, 900)]), (4, [(4, 300), (2, 900)]), (9, [(9, 300), (3, 900)])],
)
def test_a_third_goes_on_with_three_times_the_steps(count, lengths):
    entered = [network(8 + i, "softmax") for i in range(count)]
    asked: list[tuple[str, int]] = []

    def error_after(who: Architecture, steps: int) -> float:
        asked.append((who.key, steps))
        return -float(who.embed_dim)  # the last one is the best, whatever the supernet says

    winner, rounds = successive_halving(entered, steps=900, error_after=error_after)
    assert winner == entered[-1]
    assert [len(errors) for errors in rounds] == [number for number, _ in lengths]
    assert [steps for _, steps in asked] == [steps for number, steps in lengths for _ in range(number)]
    assert all(winner.key in errors for errors in rounds)
