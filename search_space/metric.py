"""What the result of a task is called and how it reads: every search minimises an error, people read an accuracy."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ACCURACY", "Metric"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """The result of a task, beside the error that stands for it in a search: less error is always better.

    Parameters
    ----------
    key
        The name of its file in ``supernet.metrics``, which has its formula: ``macro_f1``.
    name
        What people call it: ``macro F1``.
    unit
        Of the metric and of the error; ``%`` for shares, empty where there is none.
    best
        That of a perfect network, where higher is better: the error is what lacks. ``None`` where lower is better: the
        error is the metric itself.
    error_name
        What people call the error, where they speak of it rather than of the metric: ``error`` beside the accuracy.
    hub
        What the Hugging Face hub calls the metric; the key where it is empty.
    """

    key: str
    name: str
    unit: str = ""
    best: float | None = None
    error_name: str = ""
    hub: str = ""

    def __str__(self) -> str:
        return self.name

    @property
    def is_share(self) -> bool:
        """Whether metric and error are percentages."""
        return self.unit == "%"

    @property
    def error_scale(self) -> float:
        """Factor from what a formula gives to the error: 100 where that is in percent."""
        return 100.0 if self.is_share else 1.0

    @property
    def error_label(self) -> str:
        """What the error is called on the validation split, as an axis does."""
        lacking = self.name if self.best is None else f"1 - {self.name}"
        return f"Validation {self.error_name or lacking}"

    def value(self, error: float) -> float:
        """Return the metric that an error stands for."""
        return error if self.best is None else self.best - error

    def number(self, error: float) -> str:
        """Return the metric that an error stands for without its unit: ``98.10``, ``2.25``."""
        return f"{self.value(error):.2f}" if self.is_share else f"{self.value(error):.4g}"

    def text(self, error: float) -> str:
        """Return the metric that an error stands for as people read it: ``98.10 %``, ``2.25 bits/byte``."""
        return f"{self.number(error)} {self.unit}".rstrip()

    def title(self, split: str) -> str:
        """Return the heading of numbers without their unit: ``validation accuracy, %``."""
        return f"{split} {self.name}" + (", %" if self.is_share else "")


ACCURACY = Metric(key="accuracy", name="accuracy", unit="%", best=100.0, error_name="error")
"""What the error is read as where nothing says otherwise."""
