"""How the quality of networks is evaluated, and how they are finetuned before or after it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from runs.checks import check_value
from supernet.training import TrainingConfig

__all__ = ["BaselinesConfig", "EvaluationConfig", "FinetuneConfig", "brief_training"]


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluationConfig:
    """How the quality of a network is evaluated on the validation split.

    Parameters
    ----------
    bf16
        Whether to compute in bfloat16.
    batch_size
        Examples at a time.
    examples
        How many examples of the split a network is evaluated on in the search; all when ``None``. Finalists see all.
    finetune_steps
        Steps of finetuning, as ``finetune`` sets it, after which a network is evaluated, tested and exported; 0 for the
        supernet's weights.
    early_stop
        Whether to leave a network, after a part of the examples, that the front already dominates almost surely.
    """

    bf16: bool
    batch_size: int
    examples: int | None
    finetune_steps: int
    early_stop: bool

    def __post_init__(self) -> None:
        check_value("evaluation.batch_size", self.batch_size, "1 or more", self.batch_size >= 1)
        check_value("evaluation.finetune_steps", self.finetune_steps, "0 or more", self.finetune_steps >= 0)
        check_value(
            "evaluation.examples", self.examples, "1 or more, or null", self.examples is None or self.examples >= 1
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class BaselinesConfig:
    """How many networks of each baseline are evaluated."""

    random: int
    uniform: int

    def __post_init__(self) -> None:
        check_value("baselines.random", self.random, "0 or more", self.random >= 0)
        check_value("baselines.uniform", self.uniform, "0 or more", self.uniform >= 0)


@dataclass(frozen=True, kw_only=True, slots=True)
class FinetuneConfig:
    """How long and how fast a chosen network is trained further; the rest is as in the training of the supernet.

    Parameters
    ----------
    steps
        Of finetuning.
    learning_rate
        The supernet's where it is ``None``.
    distillation_weight
        Share of the loss on the teacher's outputs.
    num_configurations
        How many networks within the budget successive halving starts with; 0 finetunes the chosen one.
    """

    steps: int
    learning_rate: float | None
    distillation_weight: float
    num_configurations: int

    def __post_init__(self) -> None:
        count, rate, weight = self.num_configurations, self.learning_rate, self.distillation_weight
        check_value("finetune.steps", self.steps, "1 or more", self.steps >= 1)
        check_value("finetune.learning_rate", rate, "more than 0, or null", rate is None or 0 < rate < math.inf)
        check_value("finetune.distillation_weight", weight, "a share from 0 to 1", 0 <= weight <= 1)
        check_value("finetune.num_configurations", count, "0, or 2 or more networks", count == 0 or count >= 2)

    def training(self, supernet: TrainingConfig) -> TrainingConfig:
        """Return the hyperparameters, given those of the supernet."""
        return replace(
            supernet,
            steps=self.steps,
            learning_rate=supernet.learning_rate if self.learning_rate is None else self.learning_rate,
            distillation_weight=self.distillation_weight,
            num_random=0,
            teacher_phase=0.0,
            opening_phase=0.0,
            split_batch=False,
        )


def brief_training(
    evaluation: EvaluationConfig, finetune: FinetuneConfig, supernet: TrainingConfig
) -> TrainingConfig | None:
    """Return how each network is finetuned before it is evaluated; ``None`` where the supernet's weights are."""
    if not evaluation.finetune_steps:
        return None
    return replace(finetune, steps=evaluation.finetune_steps).training(supernet)
