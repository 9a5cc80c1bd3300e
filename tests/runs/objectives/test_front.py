"""Which network of a front is meant."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from runs.objectives import OBJECTIVES, Budget
from runs.objectives.front import choose

OBJECTIVE = (OBJECTIVES["validation_error"], OBJECTIVES["latency_ms"])


@dataclass(frozen=True)
class Network:
    key: str
    values: dict[str, float]


MEMBERS = [
    Network(key, {"validation_error": error, "latency_ms": latency})
    for key, error, latency in (("a", 60.0, 1.0), ("b", 15.0, 2.0), ("c", 4.0, 6.0), ("d", 3.0, 7.0), ("e", 2.9, 20.0))
]


@pytest.mark.parametrize(
    ("enough", "key"),
    [
        (None, "b"),
        (20.0, "d"),  # the bend of b, c, d and e
        (4.0, "d"),
        (2.95, "e"),
        (1.0, "b"),  # none is as good: the knee of all
    ],
)
def test_the_knee_is_of_what_is_no_worse_than_simple_models_where_anything_is(enough, key):
    assert choose("auto", MEMBERS, OBJECTIVE, Budget(limits={}), enough=enough).key == key
    assert choose("fastest", MEMBERS, OBJECTIVE, Budget(limits={}), enough=enough).key == "a"


def test_a_budget_holds_before_what_is_good_enough():
    within = Budget(limits={"latency_ms": 6.5})
    assert choose("knee", MEMBERS, OBJECTIVE, within, enough=4.0).key == "c"
    assert choose("knee", MEMBERS, OBJECTIVE, within, enough=3.0).key == "b"
    assert choose("auto", MEMBERS, OBJECTIVE, within, enough=20.0).key == "c"
