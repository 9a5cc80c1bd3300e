"""What ties examples together, so that splits do not tear them apart: the group of each, or the time of each."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_space.errors import ConfigError, DataError
from supernet.readers.numbers import is_number
from supernet.readers.words import shown

__all__ = ["ARRAYS", "SPLITS", "UNTIED", "Ties", "ties_of", "ties_of_arrays"]

SPLITS = ("train", "validation", "test")
ARRAYS = tuple(f"{what}_{name}" for name in SPLITS for what in ("x", "y", "groups", "times"))
"""The arrays of an ``.npz`` of examples; ``groups`` or ``times`` are there where something ties them together."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ties:
    """What examples have in common, or which of them was first.

    Parameters
    ----------
    groups
        Of each example, such as the patient that a picture is of; empty where there are none.
    times
        Of each example, in any unit; empty where there are none.
    """

    groups: tuple[str, ...] = ()
    times: tuple[float, ...] = ()

    def rows(self, chosen: Iterable[int]) -> Ties:
        """Return those of some examples, in the order of their numbers."""
        numbers = list(chosen)
        return Ties(
            groups=tuple(self.groups[i] for i in numbers) if self.groups else (),
            times=tuple(self.times[i] for i in numbers) if self.times else (),
        )

    @property
    def numbers(self) -> NDArray[np.int64] | None:
        """A number of each example's group, ``(n,)``, the same for the same name in every split; ``None`` without."""
        if not self.groups:
            return None
        known = {name: int.from_bytes(hashlib.sha256(name.encode()).digest()[:7]) for name in set(self.groups)}
        return np.array([known[name] for name in self.groups], dtype=np.int64)


UNTIED = Ties()


def ties_of(groups: Sequence[str] | None, times: Sequence[str] | None, *, where: str) -> Ties:
    """Return the ties of examples by their cells, where there is a column of groups or one of times.

    Raises
    ------
    ConfigError
        Both are given.
    DataError
        A cell is empty, or a time neither a number nor as ISO 8601 writes it.
    """
    if groups is not None and times is not None:
        raise ConfigError(
            "task.options.groups",
            expected="groups or times, for each cuts the examples in its own way",
            got="both",
            remedy="leave task.options.groups or task.options.time out",
        )
    named = tuple(cell.strip() for cell in groups or ())
    if "" in named:
        raise DataError(
            where,
            expected="a group of every example",
            got=f"none of example {named.index('') + 1} of those with a label",
            remedy="name it, or all",
        )
    return Ties(groups=named, times=_seconds(times, where=where) if times is not None else ())


def ties_of_arrays(arrays: Mapping[str, NDArray[Any]], name: str, *, count: int, where: str) -> Ties:
    """Return the ties of a split by its arrays ``(n,)``; raises ``DataError`` for some of another shape or kind."""
    found: dict[str, list[str]] = {}
    for what in ("groups", "times"):
        array = arrays.get(f"{what}_{name}")
        if array is None:
            continue
        if array.shape != (count,) or array.dtype.kind not in "iufUb":
            raise DataError(
                f"{where}: {what}_{name}",
                expected=f"{count} numbers or texts, one an example",
                got=f"{array.dtype} {array.shape}",
                remedy="save one of each example",
            )
        found[what] = [str(value) for value in array.tolist()]
    return ties_of(found.get("groups"), found.get("times"), where=where)


def _seconds(cells: Sequence[str], *, where: str) -> tuple[float, ...]:
    stripped = [cell.strip() for cell in cells]
    read = float if all(map(is_number, filter(None, stripped))) else _moment
    found = []
    for number, cell in enumerate(stripped, 1):
        try:
            found.append(read(cell))
        except ValueError as error:
            raise DataError(
                f"{where}, task.options.time",
                expected="a number of every example, or of every one a time as 2026-01-31 or 2026-01-31T12:00",
                got=f"'{shown(cell)}' of example {number} of those with a label",
                remedy="write all times alike",
            ) from error
    return tuple(found)


def _moment(cell: str) -> float:
    """Return seconds of a time in ISO 8601; one without a zone is taken for UTC, so that no summer time repeats."""
    moment = datetime.fromisoformat(cell)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
