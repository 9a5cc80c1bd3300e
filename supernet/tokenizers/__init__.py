"""How texts become ids: a vocabulary learned from the user's texts, or the published one of a checkpoint.

Three programs find the ids, one of which travels with an exported network as its ``tokenizer.py``: ``byte_pairs.py``
and ``bert.py`` need Python alone, ``library.py`` the package ``tokenizers``. What trained a network is what serves it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Protocol

from search_space.errors import DataError, NasweaveError, reason_of
from supernet.tokenizers import bert, byte_pairs
from supernet.tokenizers.document import NAME, Document
from supernet.tokenizers.learning import word_pieces, words
from supernet.tokenizers.trimming import kept_ids

__all__ = ["KINDS", "NAME", "Encoder", "learned", "published", "readable"]

KINDS = ("byte_pairs", "wordpiece", "words")
"""What a vocabulary that is learned here may consist of."""

_PADDING = 0
_ODD = (AttributeError, LookupError, OSError, OverflowError, TypeError, ValueError)


class Vocabulary(Protocol):
    """What each of the three programs has."""

    def encode(self, text: str, *, most: int | None = None) -> list[int]:
        """Return the ids of a text, of a longer one ``most``."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Encoder:
    """A vocabulary with what a task needs to know of it.

    Parameters
    ----------
    vocabulary
        Finds the ids of a text.
    size
        Number of ids; 0 is padding.
    name, content
        The file that the vocabulary is in.
    program
        The source that reads it.
    pieces
        What the ids are, in words.
    around
        How many ids stand around those of a text.
    unknown
        The id of what there is no piece for, if there is such.
    blank
        The id that means nothing; a text has it where training leaves a piece out.
    special
        Ids that are no part of a text.
    rows
        For each id, its row in the embedding of the checkpoint that the tokenizer comes with, -1 where it has none;
        ``None`` for a vocabulary that was learned here.
    """

    vocabulary: Vocabulary
    size: int
    name: str
    content: str
    program: str
    pieces: str
    around: int = 0
    unknown: int | None = None
    blank: int | None = None
    special: frozenset[int] = frozenset({_PADDING})
    rows: tuple[int, ...] | None = None

    def encode(self, text: str, *, most: int | None = None) -> list[int]:
        """Return the ids of a text, of a longer one ``most``, those around it among them."""
        return self.vocabulary.encode(text, most=most)


def learned(texts: Sequence[str], *, kind: str, size: int, lowercase: bool) -> Encoder:
    """Return a vocabulary of at most ``size`` ids, one of :data:`KINDS`, learned from texts."""
    if kind == "byte_pairs":
        vocabulary = byte_pairs.Vocabulary.learn(texts, size=size, lowercase=lowercase)
        return Encoder(
            vocabulary=vocabulary,
            size=vocabulary.size,
            name="vocabulary.json",
            content=vocabulary.to_json(),
            program=_source(byte_pairs),
            pieces="byte pairs",
            blank=1,  # byte 0, which hardly any text has
        )
    learn = words if kind == "words" else word_pieces
    return _encoder(learn(texts, size=size, lowercase=lowercase), where="task.options.pieces", published=False)


def published(path: Path, *, trim_to: Sequence[str] | None = None) -> Encoder:
    """Return the tokenizer of a file.

    Parameters
    ----------
    path
        A ``tokenizer.json``.
    trim_to
        Texts that alone decide which pieces stay; ``None`` keeps all.

    Raises
    ------
    DataError
        For a file that is no tokenizer, one that cannot be trimmed, or one that needs a package that is not there.
    """
    with readable(path):
        document = Document.read(path)
        whole = _encoder(document, where=str(path))
        if trim_to is None:
            return whole
        before = [whole.encode(text) for text in trim_to]
        kept = kept_ids(document, {i for ids in before for i in ids})
        trimmed = _encoder(document.chosen(kept), where=str(path))
        if [[kept[i] for i in trimmed.encode(text)] for text in trim_to] != before:
            raise DataError(
                "task.options.trim_vocabulary",
                expected="a tokenizer that finds the same pieces without those that no text has",
                got=f"another one at {path}",
                remedy="set it to false",
            )
        return trimmed


@contextmanager
def readable(path: str | Path) -> Iterator[None]:
    """Refuse a file whose fields are of another form than a tokenizer's, wherever that shows."""
    try:
        yield
    except NasweaveError:
        raise
    except BaseException as error:
        # The library raises the bare class for what it cannot read or lacks, and panics with one that is no Exception.
        if not isinstance(error, _ODD) and type(error) is not Exception and type(error).__name__ != "PanicException":
            raise
        raise DataError(
            str(path),
            expected="a tokenizer as the library tokenizers saves it",
            got=getattr(error, "strerror", None) or reason_of(error),
            remedy="save it again with the library that made it, or choose another one",
        ) from error


def _encoder(document: Document, *, where: str, published: bool = True) -> Encoder:
    content = document.to_json()
    vocabulary, program = _opened(document, content, where=where)
    size = len(document.rows)
    if not all(0 <= i < size for i in vocabulary.encode("a")):
        raise ValueError("ids around a text that the vocabulary lacks")
    return Encoder(
        vocabulary=vocabulary,
        size=size,
        name=NAME,
        content=content,
        program=_source(program),
        pieces={"WordPiece": "word pieces", "WordLevel": "words", "BPE": "byte pairs"}.get(document.kind, "pieces"),
        around=vocabulary.around,
        unknown=document.unknown,
        blank=document.blank,
        special=document.special,
        rows=document.rows if published else None,
    )


class _Around(Vocabulary, Protocol):
    @property
    def around(self) -> int:
        """Number of ids around those of a text."""


def _opened(document: Document, content: str, *, where: str) -> tuple[_Around, ModuleType]:
    """Return what reads a tokenizer, and the program that it is of: the one that needs Python alone where it can."""
    try:
        return bert.Vocabulary.from_json(content), bert
    except _ODD:
        pass  # another kind, or a damaged file: the library says which
    try:
        import tokenizers

        from supernet.tokenizers import library
    except ImportError as error:
        raise DataError(
            where,
            expected="the package tokenizers, which reads tokenizers of other kinds than BERT's",
            got="none installed",
            remedy="pip install 'nasweave[text]'",
        ) from error
    tokenizer = tokenizers.Tokenizer.from_str(content)
    if tokenizer.get_vocab(with_added_tokens=True) != {piece: i for i, piece in enumerate(document.pieces)}:
        raise ValueError("other ids once the library has read it")
    return library.Vocabulary(tokenizer), library


def _source(program: ModuleType) -> str:
    assert program.__file__ is not None
    return Path(program.__file__).read_text(encoding="utf-8")
