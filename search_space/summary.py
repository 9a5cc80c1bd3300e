"""What a task's data was understood to be, told before anything is trained, so that nothing is silent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["DataSummary", "Example"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Example:
    """One training example, for the eye of a person.

    Parameters
    ----------
    target
        What is to be found out: a label, or the first steps to forecast.
    text
        The example, or its beginning.
    picture
        ``(H, W, 3)`` bytes, where it is one.
    """

    target: str
    text: str = ""
    picture: NDArray[np.uint8] | None = None


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class DataSummary:
    """The data as it was understood.

    Parameters
    ----------
    facts
        What it is, by name, in order: ``examples``, ``classes``, ``values``, ``lengths``.
    notes
        What was left out, filled, cut or changed, and what looks wrong; one sentence each, without a full stop.
    examples
        A few of them.
    """

    facts: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    examples: tuple[Example, ...] = ()

    def __str__(self) -> str:
        facts = [f"{name}: {text}" for name, text in self.facts.items()]
        return "\n".join([*facts, *(f"note: {note}" for note in self.notes)])
