"""What the result of a task is called and how it reads: every search minimises an error, people read an accuracy."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ACCURACY", "BITS_PER_BYTE", "MEAN_SQUARED_ERROR", "Metric"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """The result of a task, beside the error that stands for it in a search.

    Parameters
    ----------
    name
        What people call it: ``accuracy``, ``bits per byte``.
    unit
        Of the metric and of the error, empty where there is none.
    is_share
        Whether it is a percentage of right answers, of which the error is the rest; it is better when higher. The
        error is the metric itself otherwise, and better when lower.
    """

    name: str
    unit: str = ""
    is_share: bool = False

    def __str__(self) -> str:
        return self.name

    @property
    def error_scale(self) -> float:
        """Factor from the mean error of an example to the error: 100 where that is in percent."""
        return 100.0 if self.is_share else 1.0

    @property
    def error_label(self) -> str:
        """What the error is called on the validation split, as an axis does."""
        return "Validation error" if self.is_share else f"Validation {self.name}"

    def least_error(self, examples: int) -> float:
        """Return the least standard error that a mean over so many examples can have: that of one wrong answer."""
        return 1.0 / examples if self.is_share else 0.0

    def value(self, error: float) -> float:
        """Return the metric that an error stands for."""
        return 100.0 - error if self.is_share else error

    def number(self, error: float) -> str:
        """Return the metric that an error stands for without its unit: ``98.10``, ``2.25``."""
        return f"{self.value(error):.2f}" if self.is_share else f"{error:.4g}"

    def text(self, error: float) -> str:
        """Return the metric that an error stands for as people read it: ``98.10 %``, ``2.25 bits/byte``."""
        return f"{self.number(error)} {self.unit}".rstrip()

    def error_text(self, error: float) -> str:
        """Return an error of the validation split in words: ``1.9 % validation error``."""
        return f"{error:.1f} {self.unit} validation error" if self.is_share else f"validation {self.name} {error:.4g}"

    def title(self, split: str) -> str:
        """Return the heading of numbers without their unit: ``validation accuracy, %``."""
        return f"{split} {self.name}" + (f", {self.unit}" if self.is_share else "")


ACCURACY = Metric(name="accuracy", unit="%", is_share=True)
BITS_PER_BYTE = Metric(name="bits per byte", unit="bits/byte")
MEAN_SQUARED_ERROR = Metric(name="mean squared error")
