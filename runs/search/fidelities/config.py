"""How a search in fidelities is set."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from hardware_profiles.duration import seconds
from runs.checks import check_value

__all__ = ["FidelitiesConfig"]

_COMPARED = 2.0  # times their share do networks to compare with take, for the largest is among them
_RANDOM_START = 8e-3
_STRONGEST = 0.04  # share of a weight that a step takes: at .1 the flowers of iris are learned in 400 steps, not in 50


@dataclass(frozen=True, kw_only=True, slots=True)
class FidelitiesConfig:
    """How a search in fidelities is set.

    Parameters
    ----------
    time_budget
        How long networks are trained and evaluated in total, such as ``90s`` or ``20m``; what an interrupted search
        spent counts.
    rungs
        The steps after which a network is evaluated, increasing; the last is a full training.
    initial
        How many networks are spread over the space before the model of learning curves decides.
    batch
        How many decisions are taken between two fits of that model.
    halving
        The share of the cost of training that goes to random networks under successive halving, whatever the model
        expects of them; 0 leaves all to the model.
    max_rounds
        A search ends after so many rounds of training at the latest; ``None`` for the time alone.
    processes
        How many networks are trained at a time, each by one thread; as many as there are cores when ``None``.
    baselines
        The share of the time of the search that networks to compare with are trained for, beside it.
    donor_share
        How far a network that begins with a donor's weights begins on the way from random ones to them, 1 to copy.
    optimizer
        ``muon`` steps the matrices of the layers by Muon and the rest by AdamW; ``adamw`` steps all by AdamW.
    learning_rate
        The peak of each round; when ``None``, .008 for networks that begin with random weights and
        ``training.learning_rate`` for those that begin with a checkpoint's.
    decay_passes
        After about so many passes over the training examples at the peak rate, decay has the matrices forget what they
        learned: the fewer examples, the stronger it is, and never less than ``training.weight_decay``, which it is
        when ``None`` and for networks that begin with a checkpoint's weights.
    teacher_steps
        So many steps is a checkpoint that networks begin with trained first, as the largest network; 0 takes it as it
        is. Without a checkpoint there is none.
    teacher_weight
        Share of the loss of every network that is the divergence from what that checkpoint then gives; the rest is the
        loss on the labels. 0 trains on the labels alone.
    precisions
        ``auto`` proposes those that make some networks cheaper than in float, in an objective or a limited value;
        ``all`` proposes every one of the space.
    """

    time_budget: float | str = "60s"
    rungs: tuple[int, ...] = (50, 100, 200, 400, 800)
    initial: int = 10
    batch: int = 2
    halving: float = 0.4
    max_rounds: int | None = None
    processes: int | None = None
    baselines: float = 0.2
    donor_share: float = 0.6
    optimizer: str = "muon"
    learning_rate: float | None = None
    decay_passes: float | None = None
    teacher_steps: int = 300
    teacher_weight: float = 0.9
    precisions: str = "auto"

    def __post_init__(self) -> None:
        rungs, initial, batch, processes = self.rungs, self.initial, self.batch, self.processes
        rate, passes = self.learning_rate, self.decay_passes
        increasing = all(a < b for a, b in pairwise(rungs))
        for name, value, expected, legal in (
            ("rungs", list(rungs), "two numbers of steps or more, increasing", len(rungs) > 1 and increasing),
            ("rungs", list(rungs), "numbers of steps from 1 to a billion", all(1 <= r <= 10**9 for r in rungs)),
            ("initial", initial, "from 2 to 10000", 2 <= initial <= 10_000),
            ("batch", batch, "from 1 to 10000", 1 <= batch <= 10_000),
            ("halving", self.halving, "a share from 0 to 1", 0 <= self.halving <= 1),
            ("donor_share", self.donor_share, "a share from 0 to 1", 0 <= self.donor_share <= 1),
            ("decay_passes", passes, "more than 0 and at most 1000000, or null", passes is None or 0 < passes <= 1e6),
            ("max_rounds", self.max_rounds, "1 or more, or null", self.max_rounds is None or self.max_rounds >= 1),
            ("processes", processes, "from 1 to 1000, or null", processes is None or 1 <= processes <= 1000),
            ("teacher_steps", self.teacher_steps, "0 to a billion", 0 <= self.teacher_steps <= 10**9),
            ("teacher_weight", self.teacher_weight, "a share from 0 to 1", 0 <= self.teacher_weight <= 1),
            ("optimizer", self.optimizer, "muon or adamw", self.optimizer in ("muon", "adamw")),
            ("learning_rate", rate, "more than 0 and at most 1, or null", rate is None or 0 < rate <= 1),
            ("precisions", self.precisions, "auto or all", self.precisions in ("auto", "all")),
            ("baselines", self.baselines, "a share from 0 to 1", 0 <= self.baselines <= 1),
            ("time_budget", self.time_budget, "more than 0", self.seconds > 0),
        ):
            check_value(f"search.fidelities.{name}", value, expected, legal)

    def rate(self, training: float, *, pretrained: bool) -> float:
        """Return the peak of the learning rate, where ``training.learning_rate`` is ``training``."""
        if self.learning_rate is not None:
            return self.learning_rate
        return training if pretrained else _RANDOM_START

    def decay(self, training: float, *, rate: float, batch_size: int, examples: int) -> float:
        """Return the weight decay at a rate, where ``training.weight_decay`` is ``training``.

        A step takes ``rate * decay`` of a weight, so that it forgets in ``1 / (rate * decay)`` steps; that number of
        passes over the examples should not depend on how many these are (Wang & Aitchison 2024, arXiv:2405.13698).
        """
        if self.decay_passes is None:
            return training
        return max(training, min(batch_size / (examples * self.decay_passes), _STRONGEST) / rate)

    @property
    def seconds(self) -> float:
        """The time budget in seconds."""
        return seconds(self.time_budget, parameter="search.fidelities.time_budget")

    @property
    def shares(self) -> float:
        """How many times these seconds the search and the networks to compare with take together."""
        return 1 + _COMPARED * self.baselines
