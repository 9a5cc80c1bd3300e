"""Whether the validation split tells the networks of a front apart."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Doubt"]

_CERTAIN = 2.0  # standard errors


@dataclass(frozen=True, kw_only=True, slots=True)
class Doubt:
    """The best and the worst network of a front, judged by the same validation examples.

    Parameters
    ----------
    examples
        Of the validation split, that both were judged by.
    best, worst
        Their keys.
    difference
        How much more error the worse one has, in the task's unit.
    standard_error
        Of the difference, from the examples that both got right or wrong: less than that of two independent errors.
    """

    examples: int
    best: str
    worst: str
    difference: float
    standard_error: float

    @property
    def told_apart(self) -> bool:
        """Whether the difference is more than noise."""
        return self.difference > _CERTAIN * self.standard_error
