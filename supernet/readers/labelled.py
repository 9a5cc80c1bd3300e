"""Texts, with a label each or without: two columns of a table of any kind, or two fields of a JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from search_space.errors import DataError, reason_of
from supernet.readers import tables
from supernet.readers.files import read_text
from supernet.readers.labels import Label, LabelColumns, UnlabelledError, check_labels
from supernet.readers.tables import check_columns, read_table
from supernet.readers.ties import UNTIED, Ties, ties_of
from supernet.readers.words import counted, shown

__all__ = ["SUFFIXES", "TEXT_SUFFIXES", "Texts", "labelled_lines", "read_labelled", "read_texts"]

SUFFIXES = (*tables.SUFFIXES, ".jsonl")
TEXT_SUFFIXES = (*SUFFIXES, ".txt")
_Row = tuple[Sequence[str], Label | None]  # the text, with what ties it to others, and the label
_TEXT_REMEDY = "rename it, or set task.options.text to what it is called"
_REMEDY = "rename them, or set task.options.text (of pictures file) and task.options.label to what they are called"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Texts:
    """Texts and their labels, of one length.

    Parameters
    ----------
    notes
        What was left out or changed, as of a :class:`search_space.summary.DataSummary`.
    ties
        Their groups or times.
    """

    texts: Sequence[str]
    labels: Sequence[Label]
    notes: tuple[str, ...] = ()
    ties: Ties = UNTIED

    def __len__(self) -> int:
        return len(self.labels)

    def rows(self, chosen: Iterable[int]) -> Texts:
        """Return some of them, in the order of their numbers."""
        numbers = list(chosen)
        return replace(
            self,
            texts=[self.texts[i] for i in numbers],
            labels=[self.labels[i] for i in numbers],
            ties=self.ties.rows(numbers),
        )


def read_labelled(path: Path, *, text: str, label: str, groups: str = "", time: str = "", separator: str = "") -> Texts:
    """Return the columns ``text`` and ``label`` of a table or .jsonl file, rows that lack one of them left out.

    ``groups`` or ``time`` names a column of what ties rows together, where there is one. With a ``separator`` a row
    has any number of labels, none as well, as :class:`LabelColumns` reads them.

    Raises
    ------
    DataError
        For another suffix, an empty or damaged file, columns that it lacks, or no row with a text and a label.
    """
    suffix = path.suffix.lower()
    if suffix == ".jsonl":
        columns = {"text": text, "label": label, "groups": groups, "time": time, "separator": separator}
        return labelled_lines(read_text(path), where=str(path), **columns)
    if suffix not in SUFFIXES and not path.is_dir():
        raise DataError(
            str(path),
            expected=f"a file that ends in {', '.join(SUFFIXES)}",
            got=shown(suffix) or "no ending",
            remedy="convert it",
        )
    form = LabelColumns(named=label, separator=separator)
    table = read_table(path, joint=form.joint)
    labels = form.columns(table.header)
    names = (text, *filter(None, (groups, time)), *labels)
    table.check(names, where=f"{path}: the header", remedy=_REMEDY)
    at = [table.header.index(name) for name in names]
    found: list[_Row] = []
    for number, row in enumerate(table.rows):
        if len(row) > len(table.header):
            raise DataError(
                f"{path}: {table.place(number)}",
                expected=f"{len(table.header)} cells, as in the header",
                got=str(len(row)),
                remedy="put quotes around a cell that holds the separator",
            )
        whole = (*row, *[""] * (len(table.header) - len(row)))
        cells, place = [whole[i] for i in at], f"{path}: {table.place(number)}"
        found.append((cells[: -len(labels)], form.label(cells[-len(labels) :], labels, where=place)))
    return _texts(found, groups=bool(groups), time=bool(time), notes=table.notes, where=str(path))


def labelled_lines(
    content: str,
    *,
    where: str,
    text: str = "text",
    label: str = "label",
    groups: str = "",
    time: str = "",
    separator: str = "",
) -> Texts:
    """Return the fields of a JSON object a line; raises ``DataError`` naming the first line that is none.

    With a ``separator`` a row has any number of labels, which may be a list.
    """
    form = LabelColumns(named=label, separator=separator)
    others = (text, *filter(None, (groups, time)))
    found: list[_Row] = []
    for number, line in enumerate(content.split("\n"), 1):  # other signs that end lines may stand in a text
        if not line.strip():
            continue
        place = f"{where}: line {number}"
        row = _object(line, place)
        names = [name for name, _ in row]
        labels = form.columns(names)
        check_columns((*others, *labels), names, where=place, remedy=_REMEDY)
        fields = dict(row)
        cells = [_written(fields[name], name, place) for name in others]
        value = fields[labels[0]]
        if separator and len(labels) == 1 and isinstance(value, list) and not isinstance(value, _Pairs):
            parts = (_written(part, labels[0], place).strip() for part in value)
            found.append((cells, tuple(sorted({part for part in parts if part}))))
        else:
            written = [_written(fields[name], name, place) for name in labels]
            found.append((cells, form.label(written, labels, where=place)))
    return _texts(found, groups=bool(groups), time=bool(time), where=where)


def read_texts(path: Path, *, column: str) -> tuple[list[str], tuple[str, ...]]:
    """Return the texts of a file and what was left out or changed.

    Parameters
    ----------
    path
        Its ending, one of :data:`TEXT_SUFFIXES`, says what it is; of a ``.txt`` each line is a text.
    column
        Of a table or an object.

    Raises
    ------
    DataError
        For another ending, a damaged file, one without the column, or one without a text.
    """
    if path.suffix.lower() not in TEXT_SUFFIXES:
        raise DataError(
            str(path),
            expected=f"a file that ends in {', '.join(TEXT_SUFFIXES)}",
            got=shown(path.suffix) or "no ending",
            remedy="convert it",
        )
    cells, notes = list(_cells(path, column)), []
    texts = [text.encode("utf-8", "replace").decode() for text in cells if text.strip()]
    if not texts:
        raise DataError(str(path), expected="texts", got="none", remedy="choose another file")
    if len(texts) < len(cells):
        notes.append(f"{path.name}: left out, without a text: {counted(len(cells) - len(texts), 'row')}")
    broken = sum(new != old for new, old in zip(texts, filter(str.strip, cells), strict=True))
    if broken:
        notes.append(f"{path.name}: halves of characters became question marks: {counted(broken, 'text')}")
    return texts, tuple(notes)


def _cells(path: Path, column: str) -> Iterator[str]:
    suffix = path.suffix.lower()
    if suffix == ".txt":
        yield from (line.rstrip("\r") for line in read_text(path).removesuffix("\n").split("\n"))
    elif suffix == ".jsonl":
        for number, line in enumerate(read_text(path).split("\n"), 1):
            if line.strip():
                place = f"{path}: line {number}"
                row = _object(line, place)
                check_columns((column,), [name for name, _ in row], where=place, remedy=_TEXT_REMEDY)
                yield _written(dict(row)[column], column, place)
    else:
        table = read_table(path)
        table.check((column,), where=f"{path}: the header", remedy=_TEXT_REMEDY)
        at = table.header.index(column)
        for number, cells in enumerate(table.rows):
            if len(cells) > len(table.header):
                raise DataError(
                    f"{path}: {table.place(number)}",
                    expected=f"{len(table.header)} cells, as in the header",
                    got=str(len(cells)),
                    remedy="put quotes around a cell that holds the separator",
                )
            yield cells[at] if at < len(cells) else ""


def _object(line: str, where: str) -> list[tuple[str, Any]]:
    """Return the names and values of a JSON object, in order; a name may stand twice."""
    try:
        row = json.loads(line, object_pairs_hook=_Pairs)
    except (ValueError, RecursionError) as error:
        raise DataError(
            where,
            expected="a JSON object",
            got="one that is nested too deep" if isinstance(error, RecursionError) else reason_of(error),
            remedy="correct the line",
        ) from error
    if not isinstance(row, _Pairs):
        raise DataError(where, expected="a JSON object", got=type(row).__name__, remedy="write one object a line")
    return row


class _Pairs(list[tuple[str, Any]]):
    """The fields of an object, which are told from the items of a list by their type."""


def _written(value: Any, name: str, where: str) -> str:
    """Return a field as text, nothing for null; raises ``DataError`` for a list or an object."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        raise DataError(
            f"{where}, {shown(name)}",
            expected="one text or number",
            got="an object" if isinstance(value, _Pairs) else "a list",
            remedy="write one text or number",
        )
    return str(value)


def _texts(found: Sequence[_Row], *, groups: bool, time: bool, where: str, notes: Sequence[str] = ()) -> Texts:
    """Return the rows that have text and label.

    Half of a character, which no file can hold, becomes a question mark.
    """
    kept = [(cells, label) for cells, label in found if cells[0].strip() and label is not None]
    if not kept:
        raise UnlabelledError(where, expected="rows with a text and a label", got="none", remedy="choose another file")
    check_labels(dict.fromkeys(label for _, label in kept), where=where)
    name, told = Path(where).name, list(notes)
    for lacking, count in (
        ("text", sum(not cells[0].strip() for cells, _ in found)),
        ("label", sum(label is None for cells, label in found if cells[0].strip())),
    ):
        told += [f"{name}: left out, without a {lacking}: {counted(count, 'row')}"] if count else []
    whole = [cells[0].encode("utf-8", "replace").decode() for cells, _ in kept]
    broken = sum(new != cells[0] for new, (cells, _) in zip(whole, kept, strict=True))
    told += [f"{name}: halves of characters became question marks: {counted(broken, 'text')}"] if broken else []
    last = [cells[-1] for cells, _ in kept]
    ties = ties_of(last if groups else None, last if time else None, where=where)
    return Texts(texts=whole, labels=[label for _, label in kept], notes=tuple(told), ties=ties)
