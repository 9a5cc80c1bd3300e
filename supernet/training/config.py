"""The hyperparameters of supernet training, and the schedules that follow from them."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from typing import Any

from search_space.errors import ConfigError

__all__ = ["TrainingConfig"]


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingConfig:
    """How a supernet is trained.

    Parameters
    ----------
    steps, batch_size
        Number of updates, and examples in each over all processes.
    learning_rate, warmup_steps
        Peak of the schedule, reached linearly, then a cosine down to a hundredth of it. The warm-up takes a tenth of
        the steps at most, so that a short training reaches the peak and anneals too.
    weight_decay
        Decoupled, of linear weights alone.
    gradient_clip
        Largest norm of the gradient.
    ema_decay
        Of the averaged weights that training returns; smaller at first, so that short trainings forget their start.
    num_random
        Random subnets a step, beside the largest and the smallest.
    distillation_weight
        Share of a smaller subnet's loss that is the divergence from the largest; the rest is the loss on labels.
    split_batch
        Whether the subnets beside the largest share the batch, each seeing an equal part of it, instead of each seeing
        it whole.
    fair
        Whether each layer's mixers and channel mixers take turns in the random subnets, instead of being drawn.
    uniform_every
        Every so many random subnets, one has the same choices in all layers, which independent draws hardly ever give;
        0 for none. Choices take turns among these subnets and among the others.
    rotate_teacher
        Whether the mixers of the largest subnet take turns too, instead of being those with the most parameters: it
        teaches a little less, and every mixer is trained at its largest sizes.
    teacher_phase
        Share of the steps, the first ones, in which the largest subnet trains alone, before it teaches the others.
    opening_phase
        Share of the steps, those after the teacher phase, in which sizes open from the largest down.
    precision_phase
        Share of the steps, the last ones, in which subnets compute in their integer precision.
    label_smoothing
        As in ``torch.nn.functional.cross_entropy``.
    seed
        Decides batches, augmentation and subnets.
    checkpoint_every
        Steps between checkpoints.
    bf16
        Whether to compute in bfloat16 under autocast, on devices with instructions for it; the weights stay float32.
    """

    steps: int = 1500
    batch_size: int = 64
    learning_rate: float = 8e-3
    weight_decay: float = 0.05
    warmup_steps: int = 100
    gradient_clip: float = 1.0
    ema_decay: float = 0.995
    num_random: int = 2
    distillation_weight: float = 0.5
    split_batch: bool = False
    fair: bool = True
    uniform_every: int = 0
    rotate_teacher: bool = False
    teacher_phase: float = 0.0
    opening_phase: float = 0.0
    precision_phase: float = 0.25
    label_smoothing: float = 0.0
    seed: int = 0
    checkpoint_every: int = 100
    bf16: bool = False

    def __post_init__(self) -> None:
        at_least_one = ("steps", "batch_size", "checkpoint_every")
        bounds: dict[str, tuple[float, float]] = dict.fromkeys(at_least_one, (1, math.inf))
        bounds |= dict.fromkeys(("warmup_steps", "num_random", "uniform_every", "weight_decay", "seed"), (0, math.inf))
        bounds |= dict.fromkeys(("ema_decay", "distillation_weight", "label_smoothing"), (0, 1))
        bounds |= dict.fromkeys(("teacher_phase", "opening_phase", "precision_phase"), (0, 1))
        bounds |= dict.fromkeys(("learning_rate", "gradient_clip"), (1e-12, math.inf))
        whole = {*at_least_one, "warmup_steps", "num_random", "uniform_every", "seed"}
        for name, (low, high) in bounds.items():
            value: Any = getattr(self, name)
            number = isinstance(value, int if name in whole else (int, float)) and not isinstance(value, bool)
            if not number or not low <= value <= high or value == math.inf:
                kind = "an integer" if name in whole else "a number"
                raise ConfigError(
                    f"training.{name}",
                    expected=f"{kind} from {low:g}" + (f" to {high:g}" if high < math.inf else ""),
                    got=repr(value),
                    remedy="correct it",
                )

        if self.split_batch and self.batch_size <= self.num_random:
            raise ConfigError(
                "training.batch_size",
                expected=f"an example for each of {1 + self.num_random} subnets, as training.split_batch is on",
                got=str(self.batch_size),
                remedy="raise it, or set training.split_batch=false",
            )
        phases = self.teacher_phase + self.opening_phase
        if phases > 1:
            raise ConfigError(
                "training.opening_phase",
                expected=f"at most {1 - self.teacher_phase:g}, what training.teacher_phase leaves",
                got=f"{self.opening_phase:g}",
                remedy="shorten either phase",
            )

    @property
    def hash(self) -> str:
        """Twelve hexadecimal digits of all values."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:12]

    def learning_rate_at(self, step: int) -> float:
        """Return the learning rate of the update ``step``, counted from 0."""
        warmup_steps = min(self.warmup_steps, self.steps // 10)
        if step < warmup_steps:
            return self.learning_rate * (step + 1) / warmup_steps
        done = (step - warmup_steps) / (self.steps - warmup_steps)
        return self.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))

    def ema_decay_at(self, step: int) -> float:
        """Return the decay of the averaged weights in the update ``step``, counted from 0."""
        return min(self.ema_decay, (1 + step) / (10 + step))

    def in_teacher_phase(self, step: int) -> bool:
        """Whether the largest subnet trains alone in the update ``step``, counted from 0."""
        return step < round(self.teacher_phase * self.steps)

    def opened_at(self, step: int) -> float:
        """Return how far sizes are open in the update ``step``, counted from 0: from 0, the largest alone, to 1."""
        length = round(self.opening_phase * self.steps)
        return min(1.0, (step - round(self.teacher_phase * self.steps) + 1) / length) if length else 1.0

    @property
    def precision_start(self) -> int:
        """The first update, counted from 0, in which subnets compute in their integer precision."""
        return self.steps - round(self.precision_phase * self.steps)

    def pruned_at(self, step: int, *, start: int) -> float:
        """Return how far the weights that sparse precisions drop have gone to zero in the update ``step``.

        They shrink linearly in the updates from ``start``, and are zero in the second half of these.
        """
        return min(1.0, 2 * (step + 1 - start) / max(1, self.steps - start)) if step >= start else 0.0
