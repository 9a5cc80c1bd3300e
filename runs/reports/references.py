"""What simple models reach on the same split: the least that a network of the front must be worth."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["SimpleModel"]


@dataclass(frozen=True, kw_only=True, slots=True)
class SimpleModel:
    """A model that was fitted in seconds, without a search.

    Parameters
    ----------
    name
        As people know it: ``logistic regression``.
    validation_error, test_error
        In the unit of the task's metric.
    params
        The numbers that it keeps.
    seconds
        Of fitting.
    examples
        Of the training split, that it was fitted to.
    """

    name: str
    validation_error: float
    test_error: float
    params: int
    seconds: float
    examples: int

    def __post_init__(self) -> None:
        if not (math.isfinite(self.validation_error) and math.isfinite(self.test_error)):
            raise ValueError(f"{self.name}: an error that is no number")

    @property
    def size_bytes(self) -> float:
        """What it takes in 32 bits a number."""
        return 4.0 * self.params
