"""A row of a table as the numbers that a network reads: this file is a part of exported folders and needs Python alone.

    columns = Columns.from_json(open("columns.json").read())
    inputs = [columns.encode(row)]  # row: {"age": 31, "city": "Bergen"}, with numbers or texts

A number is standardised with mean and deviation of the training rows, and 0 where it is missing; a category is its
place among those of training, from 1, and 0 where it is missing or new; that a number is missing is a category of its
own where it is in training.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass

__all__ = ["Column", "Columns"]

_MISSING = frozenset(("", "na", "n/a", "nan", "null", "none", "?", "-"))


@dataclass(frozen=True)
class Column:
    """One input: ``kind`` is ``number``, ``category`` or ``missing`` (whether the number of that name is)."""

    name: str
    kind: str
    offset: float = 0.0
    scale: float = 1.0
    values: tuple[str, ...] = ()
    decimal_comma: bool = False

    @property
    def codes(self) -> int:
        """How many codes it has; 0 for a number."""
        return {"number": 0, "missing": 2}.get(self.kind, 1 + len(self.values))

    def encode(self, cell: object) -> float:
        """Return the input of a cell; raises ``ValueError`` where a number is expected and something else is there."""
        text = "" if cell is None else str(cell).strip()
        is_missing = text.casefold() in _MISSING
        if self.kind == "missing":
            return float(is_missing)
        if self.kind == "category":
            return 0.0 if is_missing or text not in self.values else 1.0 + self.values.index(text)
        if is_missing:
            return 0.0
        number = float(text.replace(",", ".") if self.decimal_comma and "." not in text else text)
        if not math.isfinite(number):
            raise ValueError(f"column {self.name}: {text} is no number")
        return (number - self.offset) * self.scale


@dataclass(frozen=True)
class Columns:
    """The inputs of a network in their order: numbers first."""

    columns: tuple[Column, ...]

    def encode(self, row: Mapping[str, object]) -> list[float]:
        """Return the inputs of a row; raises ``KeyError`` for a column that it lacks, ``ValueError`` for no number."""
        return [column.encode(row[column.name]) for column in self.columns]

    def to_json(self) -> str:
        """Return the text that :meth:`from_json` reads."""
        return json.dumps({"schema": 1, "kind": "columns", "columns": [asdict(column) for column in self.columns]})

    @classmethod
    def from_json(cls, text: str) -> Columns:
        """Read what :meth:`to_json` wrote."""
        columns = json.loads(text)["columns"]
        return cls(columns=tuple(Column(**{**column, "values": tuple(column["values"])}) for column in columns))
