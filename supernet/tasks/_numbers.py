"""Numbers as outputs and targets, of one shape: forecasts and other regressions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor

from search_space.errors import ConfigError
from supernet.metrics import METRICS, Kind, Measure
from supernet.tasks._base import TaskData

__all__ = ["NumbersData"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False, repr=False)
class NumbersData(TaskData):
    """Examples with numbers as targets, ``(B, ...)`` as the outputs.

    Parameters
    ----------
    trained_for
        What training minimises, a metric that can be a loss.
    """

    kind: ClassVar[Kind] = "numbers"

    measure: Measure = METRICS["mean_squared_error"]
    trained_for: Measure = METRICS["mean_squared_error"]

    def loss(
        self,
        outputs: Tensor,
        targets: Tensor,
        *,
        reduction: Literal["mean", "none"] = "mean",
        label_smoothing: float = 0.0,
    ) -> Tensor:
        """Squared error, or what else it is trained for; raises ``ConfigError`` for label smoothing."""
        if label_smoothing:
            raise ConfigError(
                "training.label_smoothing",
                expected="0, for numbers are no labels",
                got=f"{label_smoothing:g}",
                remedy="set it to 0",
            )
        assert self.trained_for.errors is not None, "a loss is of each example"
        error_B = self.trained_for.errors(*self.judged(outputs, targets))
        return error_B.mean() if reduction == "mean" else error_B

    def soft_loss(self, outputs: Tensor, teacher_outputs: Tensor) -> Tensor:
        """Mean squared difference from the teacher's outputs."""
        outputs, teacher_outputs = self.judged(outputs, teacher_outputs)
        return (outputs - teacher_outputs).square().mean()
