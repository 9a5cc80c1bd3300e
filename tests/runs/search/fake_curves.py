"""Networks of ten genes whose latencies and learning curves are formulas: what a search in fidelities is tested on."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from runs.objectives.pareto import hypervolume, non_dominated
from runs.search.fidelities import Action, FidelitySearch, FidelityTask
from search_space import Genes

EXAMPLES = 359
RUNGS = (50, 100, 200, 400, 800)
_WIDTH, _RATIO = np.array([1.0, 1.6, 2.4]), np.array([0.3, 0.6, 1.0, 1.8])
Floats = NDArray[np.float64]


class FakeSpace:
    """A width, a depth from two to four, and of each layer a mixer of six and a ratio of four."""

    cards = np.array([3, 3] + [6, 4] * 4)

    def canonical(self, genes: NDArray[np.integer]) -> Genes:
        genes = np.array(genes, np.int16)
        for layer in range(4):
            genes[genes[:, 1] + 2 <= layer, 2 + 2 * layer : 4 + 2 * layer] = 0
        return genes

    def features(self, genes: Genes) -> Floats:
        parts = [np.eye(3)[genes[:, 0]], np.eye(3)[genes[:, 1]]]
        for layer in range(4):
            there = (genes[:, 1] + 2 > layer)[:, None]
            parts += [np.eye(6)[genes[:, 2 + 2 * layer]] * there, np.eye(4)[genes[:, 3 + 2 * layer]] * there]
        return np.concatenate([*parts, sum(parts[2::2]), sum(parts[3::2])], axis=1)


class FakeTrainer:
    """Errors fall as powers of the steps to a floor of their own; each is seen through a split of a few examples.

    Mixers differ in quality, in latency and in how fast they learn, and neighbours influence each other.
    """

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.space, self.seed = FakeSpace(), seed
        self.quality, self.pace = 0.3 + rng.normal(0, 0.35, 6), rng.normal(0, 0.25, 6)
        self.ratio = np.linspace(0, 0.5, 4) + rng.normal(0, 0.1, 4)
        self.pairs, self.latency = rng.normal(0, 0.12, (6, 6)), 0.2 + np.abs(rng.normal(1, 0.5, 6))
        drawn = self.space.canonical(np.random.default_rng(0).integers(0, self.space.cards, (3000, 10)))
        self.corner = (4.0, float(np.log(self.known(drawn).max())))

    def known(self, genes: Genes) -> Floats:
        layers = [
            (genes[:, 1] + 2 > i) * (self.latency[genes[:, 2 + 2 * i]] + _RATIO[genes[:, 3 + 2 * i]]) for i in range(4)
        ]
        return (0.3 + _WIDTH[genes[:, 0]] * sum(layers))[:, None]

    def step_cost(self, genes: Genes) -> Floats:
        return 0.3 + self.known(genes)[:, 0]

    def error(self, genes: Genes, steps: float) -> Floats:
        there = [genes[:, 1] + 2 > i for i in range(4)]
        quality = 0.4 * np.log(_WIDTH)[genes[:, 0]]
        quality += sum(
            t * (self.quality[genes[:, 2 + 2 * i]] + self.ratio[genes[:, 3 + 2 * i]]) for i, t in enumerate(there)
        )
        quality += sum(there[i + 1] * self.pairs[genes[:, 2 + 2 * i], genes[:, 4 + 2 * i]] for i in range(3))
        pace = sum(t * self.pace[genes[:, 2 + 2 * i]] for i, t in enumerate(there)) / (genes[:, 1] + 2)
        own = np.array([zlib.crc32(row.tobytes() + bytes([self.seed])) / 2**32 - 0.5 for row in genes])
        start = 40 * np.exp(-0.2 * quality + 0.3 * own)
        return 1.2 * np.exp(-0.5 * quality) + start * (steps / RUNGS[0]) ** -(0.8 + 0.3 * pace)

    def task(self) -> FidelityTask:
        return FidelityTask(genotype=self.space, known=self.known, step_cost=self.step_cost, rungs=RUNGS)


class Shop:
    """Buys training within a budget of time; keeps the true state of every network."""

    def __init__(self, trainer: FakeTrainer, *, budget: float, seed: int) -> None:
        self.trainer, self.left, self.rng = trainer, budget, np.random.default_rng([seed, 7])
        self.states: dict[tuple[int, ...], tuple[float, float]] = {}

    def buy(self, genes: Sequence[int], *, done: int, steps: int) -> tuple[float, float]:
        """Return the observed error and its standard error."""
        row = np.array([genes], np.int16)
        self.left -= steps * float(self.trainer.step_cost(row)[0])
        error = float(self.trainer.error(row, done + steps)[0])
        self.states[tuple(genes)] = (error, float(np.log(self.trainer.known(row)[0, 0])))
        share = self.rng.binomial(EXAMPLES, min(error / 100, 1.0)) / EXAMPLES
        return 100 * share, 100 * max(np.sqrt(share * (1 - share) / EXAMPLES), 1 / EXAMPLES)

    @property
    def hypervolume(self) -> float:
        return hypervolume(list(self.states.values()), self.trainer.corner) if self.states else 0.0


def bought(search: FidelitySearch, shop: Shop, *, after: Callable[[], bool] | None = None) -> list[Action]:
    """Search until the budget is spent, nothing is asked for, or ``after`` says so; returns the actions."""
    actions = []
    while shop.left > 0 and not (after is not None and after()) and (action := search.ask()) is not None:
        error, noise = shop.buy(action.genes, done=action.done, steps=action.steps)
        search.tell(action, error=error, noise=noise)
        actions.append(action)
    return actions


def halving(shop: Shop, *, seed: int, wave: int = 27, rungs: Sequence[int] = (100, 300, 900)) -> None:
    """Random networks under multi-objective successive halving by non-dominated rank, wave after wave."""
    space, rng = shop.trainer.space, np.random.default_rng(seed)
    while shop.left > 0:
        genes = space.canonical(rng.integers(0, space.cards, (wave, len(space.cards))))
        done = 0
        for rung in rungs:
            errors = [shop.buy(tuple(map(int, row)), done=done, steps=rung - done)[0] for row in genes]
            values, order, left = np.column_stack([errors, shop.trainer.known(genes)]), [], np.arange(len(genes))
            while len(left):
                front = non_dominated(values[left])
                order += left[front].tolist()
                left = left[~front]
            genes, done = genes[order[: max(1, len(genes) // 3)]], rung
            if shop.left <= 0:
                return
