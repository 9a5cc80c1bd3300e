"""Words with a label each in a table that holds a list of both a row, as data sets of Hugging Face do."""

from __future__ import annotations

from pathlib import Path

from search_space.errors import DataError
from supernet.readers import columnar
from supernet.readers.conll import Sentences
from supernet.readers.labels import check_labels
from supernet.readers.words import counted, shown

__all__ = ["has_lists", "read_word_lists"]


def has_lists(path: Path) -> bool:
    """Whether a file or folder is a table that can hold lists."""
    return path.is_dir() or path.suffix.lower() in columnar.SUFFIXES


def read_word_lists(path: Path, *, words: str, tags: str) -> Sentences:
    """Return the sentences of a table.

    Parameters
    ----------
    words, tags
        Names of the columns of the words and of their labels.

    Raises
    ------
    DataError
        For columns that are missing or hold no lists, lists of different lengths, a word or a label that is missing,
        and a table without words.
    """
    pairs = list(zip(*columnar.read_lists(path, (words, tags)), strict=True))
    for number, (row, labels) in enumerate(pairs, 1):
        if len(row) != len(labels) or not all(one.strip() for one in (*row, *labels)):
            raise DataError(
                f"{path}: row {number}",
                expected="a label of every word",
                got=f"{len(row)} words, {sum(bool(y.strip()) for y in labels)} labels: {shown(' '.join(row))}",
                remedy="mend the row, or correct task.options.words and tags, the names of the columns",
            )
    kept = [(row, labels) for row, labels in pairs if row]
    if not kept:
        raise DataError(str(path), expected="lists of words", got="none", remedy="choose another file")
    check_labels(dict.fromkeys(label for _, labels in kept for label in labels), where=str(path))
    lost = len(pairs) - len(kept)
    notes = (f"{path.name}: left out, without a word: {counted(lost, 'row')}",) if lost else ()
    return Sentences(words=[row for row, _ in kept], tags=[labels for _, labels in kept], notes=notes)
