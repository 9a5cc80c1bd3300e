"""Tables with a header: the separator is found, quotes are closed, every row is there, each column has one name.

Here every file of a table is opened, whatever its kind: text whose cells are parted by signs, Parquet, Arrow.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from search_space.errors import DataError, reason_of
from supernet.readers import columnar
from supernet.readers.files import read_text
from supernet.readers.words import shown

__all__ = ["SUFFIXES", "Table", "check_columns", "long_fields", "names_of", "read_table"]

SUFFIXES = (".csv", ".tsv", *columnar.SUFFIXES)

_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_LOOKED_AT = 20  # rows, to find the separator
_LONGEST_FIELD = 1 << 28
_MOST_NAMES = 8


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Table:
    """The rows of a file below its header.

    Parameters
    ----------
    header
        Names of the columns.
    rows
        Cells; empty lines are left out.
    lines
        The number of the line that each row begins in, from 1; of a file in columns, the number of the row.
    separator
        Between the cells; a comma where they are not parted by signs.
    told
        Whether the separator was told, so that nothing was found.
    unreadable
        The columns that no cell can hold, with their type.
    counts
        What ``lines`` numbers: ``line`` or ``row``.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]
    separator: str
    told: bool = False
    unreadable: Mapping[str, str] = field(default_factory=dict)
    counts: str = "line"

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user may not expect of it."""
        found = [] if self.separator == "," or self.told else [f"cells are separated by {_SEPARATORS[self.separator]}"]
        if self.unreadable:
            some = ", ".join(f"{shown(name)} ({kind})" for name, kind in [*self.unreadable.items()][:_MOST_NAMES])
            found.append(f"columns of values that are no numbers, texts or times are left out: {some}")
        return tuple(found)

    def place(self, row: int) -> str:
        """Return where a row stands in the file: ``line 7``."""
        return f"{self.counts} {self.lines[row]}"

    def check(self, wanted: Sequence[str], *, where: str, remedy: str) -> None:
        """Raise ``DataError`` for columns that are missing, whose name stands twice, or that no cell can hold."""
        for name in wanted:
            if name in self.unreadable and name not in self.header:
                raise DataError(
                    f"{where}, column {shown(name)}",
                    expected="numbers, texts or times",
                    got=self.unreadable[name],
                    remedy="write one value a row, or name another column",
                )
        check_columns(wanted, self.header, where=where, remedy=remedy)


def read_table(path: Path, *, separator: str | None = None, joint: Mapping[str, str] | None = None) -> Table:
    """Return a table; its separator is a comma, semicolon, tab or bar, and found where none is given.

    A ``.tsv`` has tabs; ``.parquet``, ``.feather``, ``.arrow`` and folders of data sets have none, and the lists
    of columns in ``joint`` become cells, whose items are parted as it says.

    Raises
    ------
    DataError
        For a file that is empty, damaged or no UTF-8, and for a quote that is not closed or stands inside of a cell.
    """
    suffix = path.suffix.lower()
    if suffix in columnar.SUFFIXES or path.is_dir():
        header, rows, unreadable = columnar.read_columns(path, joint=joint)
        return Table(
            header=header,
            rows=rows,
            lines=tuple(range(1, len(rows) + 1)),
            separator=",",
            unreadable=unreadable,
            counts="row",
        )
    if separator is None and suffix == ".tsv":
        separator = "\t"
    text = read_text(path, times=16)
    found = _separator(text) if separator is None else separator
    numbered = list(_records(text, found, where=str(path)))
    if not numbered:
        raise DataError(str(path), expected="a header and rows", got="empty lines alone", remedy="choose another file")
    (_, header), *body = numbered
    return Table(
        header=tuple(name.strip() for name in header),
        rows=tuple(row for _, row in body),
        lines=tuple(line for line, _ in body),
        separator=found,
        told=separator is not None,
    )


def _separator(text: str) -> str:
    """Return what parts the first rows into equally many cells, the most of them; a comma where nothing does."""
    best, most = ",", 1
    for candidate in _SEPARATORS:
        rows = _first_rows(text, candidate)
        width = len(rows[0]) if rows else 0
        if width > most and sum(len(row) == width for row in rows) >= max(2, 0.8 * len(rows)):
            best, most = candidate, width
    if best == "," and most == 1:  # one row alone, or rows of several lengths: the header decides
        header = next((line for line in text.split("\n") if line.strip()), "")
        best = max(_SEPARATORS, key=lambda separator: (header.count(separator), separator == ","))
    return best


def _first_rows(text: str, separator: str) -> list[list[str]]:
    rows: list[list[str]] = []
    try:
        with long_fields():
            for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
                rows += [row] if row else []
                if len(rows) == _LOOKED_AT:
                    break
    except csv.Error:
        return []
    return rows


def _records(text: str, separator: str, *, where: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield each row that has cells with the number of its first line."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    first = 1
    with long_fields():
        try:
            for row in reader:
                if len(row) > 1 or (row and row[0].strip()):
                    yield first, tuple(row)
                first = reader.line_num + 1
        except csv.Error as error:
            unclosed = "unexpected end" in str(error)
            raise DataError(
                f"{where}: line {first}",
                expected="quotes around whole cells, those inside of a cell doubled",
                got="a quote that is never closed" if unclosed else reason_of(error),
                remedy="correct the quotes of the line",
            ) from error


@contextmanager
def long_fields() -> Iterator[None]:
    """Let cells be as long as texts are; Python's own limit, 131,072 signs, holds for the whole process."""
    before = csv.field_size_limit(_LONGEST_FIELD)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def check_columns(wanted: Sequence[str], found: Sequence[str], *, where: str, remedy: str) -> None:
    """Raise ``DataError`` for columns that are missing, or whose name stands twice."""
    counts = Counter(found)
    missing = [name for name in wanted if name not in counts]
    if missing:
        raise DataError(
            where,
            expected=f"columns {', '.join(wanted)}",
            got=", ".join(shown(name) for name in found[:_MOST_NAMES]) + (" ..." if len(found) > _MOST_NAMES else "")
            if found
            else "none",
            remedy=remedy,
        )
    twice = [name for name in wanted if counts[name] > 1]
    if twice:
        raise DataError(
            where,
            expected="columns of different names",
            got=f"{counts[twice[0]]} that are called {shown(twice[0])!r}",
            remedy="rename all but one",
        )


def names_of(text: str) -> tuple[str, ...]:
    """Return the names in an option such as ``a,b`` or ``"x, y",b``."""
    rows = list(csv.reader([" ".join(text.splitlines())], skipinitialspace=True))
    return tuple(name.strip() for name in rows[0] if name.strip()) if rows else ()
