"""Words with a label each, in the columns of the CoNLL tasks: a word a line, a blank line after each sentence.

Columns are parted by tabs or by spaces. Lines that begin a document (``-DOCSTART-``) are no words; of a ``.conllu``,
neither are comments, words of several tokens (``1-2``) and those that are not written (``1.1``).

Formats: Tjong Kim Sang and De Meulder 2003, CoNLL-2003; Nivre et al. 2020, Universal Dependencies v2 (CoNLL-U).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from search_space.errors import ConfigError, DataError
from supernet.readers.files import read_text
from supernet.readers.labels import check_labels
from supernet.readers.ties import UNTIED, Ties
from supernet.readers.words import shown

__all__ = ["Sentences", "read_conll"]

_DOCUMENT = "-DOCSTART-"
_NO_TOKEN = re.compile(r"\d+[-.]\d+")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Sentences:
    """Sentences of words, and the label of each word.

    Parameters
    ----------
    words, tags
        Of each sentence, of one length.
    notes
        What was left out.
    """

    words: Sequence[tuple[str, ...]]
    tags: Sequence[tuple[str, ...]]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.words)

    @property
    def labels(self) -> Sequence[tuple[str, ...]]:
        """The labels that each sentence has."""
        return [tuple(sorted(set(tags))) for tags in self.tags]

    @property
    def ties(self) -> Ties:
        """Nothing ties sentences together that the file tells of."""
        return UNTIED

    def rows(self, chosen: Iterable[int]) -> Sentences:
        """Return some of them, in the order of their numbers."""
        numbers = [int(i) for i in chosen]
        return replace(self, words=[self.words[i] for i in numbers], tags=[self.tags[i] for i in numbers])


def read_conll(path: Path, *, word: int, label: int) -> Sentences:
    """Return the sentences of a file.

    Parameters
    ----------
    word, label
        The columns of the words and of their labels, from 1; 0 is the last one.

    Raises
    ------
    ConfigError
        The words of a ``.conllu`` would be their numbers.
    DataError
        For lines of different numbers of columns, columns that are not there, and a file without words.
    """
    words, tags = [list[str]()], [list[str]()]
    columns, left_out = 0, {"beginnings of documents": 0, "lines of CoNLL-U that are no token": 0}
    is_universal = path.suffix.lower() == ".conllu"
    if is_universal and word == 1:
        raise ConfigError(
            "task.options.word",
            expected="2 for the words of CoNLL-U, of which the first column numbers them",
            got="1",
            remedy="set task.options.word=2, and task.options.label to 4, 5 or 8: UPOS, XPOS or the relation",
        )
    for number, line in enumerate(read_text(path).split("\n"), 1):
        line = line.rstrip("\r")
        if not line.strip():
            if words[-1]:
                words.append([])
                tags.append([])
            continue
        cells = [cell.strip() for cell in line.split("\t")] if "\t" in line else line.split()
        if cells[0] == _DOCUMENT:
            left_out["beginnings of documents"] += 1
            continue
        if is_universal and (line.startswith("#") or _NO_TOKEN.fullmatch(cells[0])):
            left_out["lines of CoNLL-U that are no token"] += not line.startswith("#")
            continue
        columns = columns or len(cells)
        _check(cells, columns, (word, label), where=f"{path}: line {number}")
        words[-1].append(cells[word - 1])
        tags[-1].append(cells[label - 1])
    found = [(tuple(w), tuple(t)) for w, t in zip(words, tags, strict=True) if w]
    if not found:
        raise DataError(str(path), expected="words, one a line", got="none", remedy="choose another file")
    check_labels(dict.fromkeys(tag for _, some in found for tag in some), where=str(path))
    notes = tuple(f"{path.name}: left out: {n:,} {what}" for what, n in left_out.items() if n)
    return Sentences(words=[w for w, _ in found], tags=[t for _, t in found], notes=notes)


def _check(cells: Sequence[str], columns: int, wanted: Sequence[int], *, where: str) -> None:
    if len(cells) != columns:
        raise DataError(
            where,
            expected=f"{columns} columns, as in the first line",
            got=f"{len(cells)}: {shown(' '.join(cells))}",
            remedy="correct the line, or part all columns by tabs",
        )
    if max(wanted) > columns or columns < 2:
        raise DataError(
            where,
            expected=f"{max(2, *wanted)} columns or more",
            got=f"{columns}: {shown(' '.join(cells))}",
            remedy="correct task.options.word and task.options.label, the numbers of the columns",
        )
    for column in wanted:
        if not cells[column - 1]:
            raise DataError(
                where,
                expected=f"something in column {column or columns}",
                got="nothing",
                remedy="write a word and a label in every line",
            )
