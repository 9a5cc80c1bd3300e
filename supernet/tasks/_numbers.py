"""Numbers as outputs and targets, of one shape: forecasts and other regressions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor

from search_space.errors import ConfigError
from supernet.metrics import METRICS, Kind, Measure
from supernet.tasks._base import TaskData

__all__ = ["NumbersData", "RegressionData"]


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
        error_B = self.trained_for.errors(*self.compared(outputs, targets))
        return error_B.mean() if reduction == "mean" else error_B

    def soft_loss(self, outputs: Tensor, teacher_outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean squared difference from the teacher's outputs."""
        outputs, teacher_outputs = self.compared(outputs, teacher_outputs)
        return (outputs - teacher_outputs).square().mean()

    def compared(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return what training looks at of outputs and targets: by default what the metric looks at."""
        return self.judged(outputs, targets)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False, repr=False)
class RegressionData(NumbersData):
    """Examples with one number each, ``(B, 1)``, standardised for training and judged in the user's unit.

    Parameters
    ----------
    spread
        The unit of outputs and targets, in that of the user. The mean is not put back: no metric of numbers depends on
        it, and differences of large numbers would lose digits.
    """

    measure: Measure = METRICS["root_mean_squared_error"]
    spread: float = 1.0

    def judged(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return both in the user's unit."""
        return outputs * self.spread, targets * self.spread

    def compared(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return both standardised, so that a learning rate and the clipping of gradients do not depend on a unit."""
        return outputs, targets
