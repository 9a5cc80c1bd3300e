"""A search whose time is spent stays over: what it leaves behind adds up to its time."""

from __future__ import annotations

import time
from types import SimpleNamespace

from runs.search.fidelities.loop import Bought, buy_training
from search_space.errors import SpaceError


class Search:
    """Asks for one round after the other, and keeps what each cost."""

    def __init__(self):
        self.observations = []

    def ask_batch(self, most):
        return [len(self.observations)]

    def tell(self, action, *, error, noise, cost):
        self.observations.append(SimpleNamespace(cost=cost))
        return self.observations[-1]

    def give_up(self, action):
        pass


class SlowKeeper:
    def keep(self, observation, bought):
        time.sleep(0.03)

    def give_up(self, action, reason):
        pass


def train(actions):
    time.sleep(0.01)
    return [Bought(error=1.0, noise=0.1, values={}, steps=1) for _ in actions]


def test_what_is_kept_of_a_search_that_is_over_adds_up_to_its_time():
    search = Search()
    buy_training(search, train=train, keeper=SlowKeeper(), seconds=0.1, most=1000)
    assert sum(o.cost for o in search.observations) >= 0.1 and 4 <= len(search.observations) <= 10
    before = len(search.observations)
    buy_training(search, train=train, keeper=SlowKeeper(), seconds=0.1, most=1000)
    assert len(search.observations) == before, "the same command again repeats nothing"


def test_trainings_that_fail_cost_time_too():
    search, failed = Search(), SpaceError("a", expected="b", got="c", remedy="d")

    def every_other(actions):
        every_other.calls += 1
        time.sleep(0.01)
        return [failed] if every_other.calls % 2 else train(actions)

    every_other.calls = 0
    buy_training(search, train=every_other, keeper=SlowKeeper(), seconds=0.1, most=1000)
    assert sum(o.cost for o in search.observations) < 0.1
