"""A ``tokenizer.json``: read, checked, and numbered as our networks want it, padding first and without gaps.

What is in it is taken apart here as far as numbers go; how a text becomes pieces is left to the programs that travel
with a network (``bert.py``, ``library.py``).
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from search_space.schema import parse_json, read_file

__all__ = ["NAME", "Document"]

NAME = "tokenizer.json"
_MOST_BYTES, _MOST_IDS = 2**27, 2**22
_OWN_PADDING = "\ue000padding"  # its first character is private: no text holds it by chance
_PADDING = ("[PAD]", "<pad>", "<PAD>", "<|pad|>")
_BLANK = ("[MASK]", "<mask>")


@dataclass(frozen=True, kw_only=True)
class Document:
    """A tokenizer whose ids are 0, 1, 2, ..., the first of which is padding.

    Parameters
    ----------
    told
        The JSON.
    rows
        For each id, the one that it had in the file; -1 for padding that the file has none of.
    """

    told: Mapping[str, Any]
    rows: tuple[int, ...]

    @classmethod
    def read(cls, path: Path) -> Document:
        """Read a file; raises ``OSError``, ``ValueError`` or another error of a form that is not a tokenizer's."""
        return cls.of(parse_json(read_file(path, most_bytes=_MOST_BYTES)))

    @classmethod
    def of(cls, told: Any) -> Document:
        """Check and number what a file holds, as :meth:`read`."""
        return cls._numbered(told, _pieces(told))

    @classmethod
    def _numbered(cls, told: Mapping[str, Any], pieces: Mapping[int, str]) -> Document:
        padding = _padding(told, pieces)
        rows = tuple(sorted(pieces, key=lambda i: (i != padding, i)))
        rows = rows if padding is not None else (-1, *rows)
        plain = {**copy.deepcopy(dict(told)), "padding": None, "truncation": None}
        if plain["model"].get("dropout"):
            plain["model"]["dropout"] = None  # which pieces a text has is no matter of chance
        if rows != tuple(range(len(rows))):
            plain = _rebuilt(plain, {i: pieces.get(i, _OWN_PADDING) for i in rows})
        return cls(told=plain, rows=rows)

    @property
    def kind(self) -> str:
        """``WordPiece``, ``WordLevel``, ``BPE`` or ``Unigram``."""
        return _kind(self.told["model"])

    @cached_property
    def pieces(self) -> tuple[str, ...]:
        """The pieces by id."""
        found = _pieces(self.told)
        return tuple(found[i] for i in range(len(found)))

    @property
    def unknown(self) -> int | None:
        """The id of what the vocabulary has no pieces for, if there is one."""
        model = self.told["model"]
        return model.get("unk_id") if self.kind == "Unigram" else self._id(model.get("unk_token"))

    @property
    def blank(self) -> int | None:
        """The id of a piece that says nothing, for a masked one; ``unknown`` where there is none."""
        found = next((i for name in _BLANK if (i := self._id(name)) is not None), None)
        return self.unknown if found is None else found

    @cached_property
    def special(self) -> frozenset[int]:
        """The ids that are no part of a text: padding, and those that stand around one."""
        added = self.told.get("added_tokens") or []
        unknown = self.unknown
        found = {self._id(token["content"]) for token in added if token.get("special")} - {None, unknown}
        return frozenset(i for i in found if i is not None) | {0}

    @cached_property
    def needed(self) -> frozenset[int]:
        """The ids that a tokenizer does not work without, whatever the texts."""
        found = {0, self.unknown, self.blank, *_around(self.told.get("post_processor"))}
        return frozenset(i for i in found if i is not None)

    def _id(self, piece: object) -> int | None:
        return self._ids.get(piece) if isinstance(piece, str) else None

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {piece: i for i, piece in enumerate(self.pieces)}

    def chosen(self, kept: Sequence[int]) -> Document:
        """Return the tokenizer of some of the ids, in this order; those of :attr:`needed` are among them."""
        told = _rebuilt(self.told, {i: self.pieces[i] for i in kept})
        return Document(told=told, rows=tuple(self.rows[i] for i in kept))

    def to_json(self) -> str:
        """Return the text of a ``tokenizer.json`` of these ids."""
        return json.dumps(self.told)


def _rebuilt(told: Mapping[str, Any], pieces: Mapping[int, str]) -> dict[str, Any]:
    """Return a tokenizer of these pieces alone, numbered in their order; the keys are the ids that they had."""
    new = {piece: number for number, piece in enumerate(pieces.values())}
    numbers = {i: number for number, i in enumerate(pieces)}
    rebuilt = copy.deepcopy(dict(told))
    model = rebuilt["model"]
    if _kind(model) == "Unigram":
        scores = {piece: score for piece, score in model["vocab"]}
        least = min(scores.values())
        model["vocab"] = [[piece, scores.get(piece, least)] for piece in new]
        if model.get("unk_id") is not None:
            model["unk_id"] = numbers[model["unk_id"]]
    else:
        model["vocab"] = new
    if "merges" in model:
        prefix = model.get("continuing_subword_prefix") or ""
        model["merges"] = [m for m in model["merges"] if all(part in new for part in merged(m, prefix))]
    added = [token for token in told.get("added_tokens") or [] if token["content"] in new]
    rebuilt["added_tokens"] = [{**token, "id": new[token["content"]]} for token in added]
    _renumber(rebuilt.get("post_processor"), numbers)
    return rebuilt


def merged(merge: Any, prefix: str = "") -> tuple[str, str, str]:
    """Return the two pieces of a merge of byte pairs, and what they become."""
    left, right = merge.split(" ", 1) if isinstance(merge, str) else merge
    return left, right, left + right.removeprefix(prefix)


def _kind(model: Mapping[str, Any]) -> str:
    kind = model.get("type")
    if kind is None:  # older files do not say it
        kind = "BPE" if "merges" in model else "Unigram" if isinstance(model.get("vocab"), list) else "WordPiece"
    if kind not in ("WordPiece", "WordLevel", "BPE", "Unigram"):
        raise ValueError(f"a model {str(kind)[:40]!r}")
    return str(kind)


def _pieces(told: Any) -> dict[int, str]:
    """Return the pieces by id, added ones too; raises :class:`ValueError` where two share an id or one has none."""
    if not isinstance(told, Mapping) or not isinstance(told.get("model"), Mapping):
        raise ValueError("no object with a model")
    model = told["model"]
    vocab = model["vocab"]
    ids = {piece: i for i, (piece, _) in enumerate(vocab)} if _kind(model) == "Unigram" else dict(vocab)
    if not ids:
        raise ValueError("an empty vocabulary")
    for token in told.get("added_tokens") or []:
        ids.setdefault(token["content"], token["id"])
    legal = all(isinstance(piece, str) and type(i) is int and 0 <= i < _MOST_IDS for piece, i in ids.items())
    found = {i: piece for piece, i in ids.items()}
    if not legal or len(found) != len(ids):
        raise ValueError(f"ids that are no different numbers from 0 to {_MOST_IDS - 1:,}")
    return found


def _padding(told: Mapping[str, Any], pieces: Mapping[int, str]) -> int | None:
    """Return the id of padding, if there is one."""
    name = (told.get("padding") or {}).get("pad_token")
    found = {piece: i for i, piece in pieces.items() if piece in _PADDING or piece == name}
    return next((found[piece] for piece in (name, *_PADDING) if piece in found), None)


def _around(processor: Any) -> set[int]:
    """Return the ids that a post-processor puts around a single text or a pair."""
    if processor is None:
        return set()
    inner = {i for part in processor.get("processors") or () for i in _around(part)}
    named = {i for token in (processor.get("special_tokens") or {}).values() for i in token["ids"]}
    return inner | named | {processor[end][1] for end in ("cls", "sep") if isinstance(processor.get(end), list)}


def _renumber(processor: Any, numbers: Mapping[int, int]) -> None:
    if processor is None:
        return
    for part in processor.get("processors") or ():
        _renumber(part, numbers)
    for token in (processor.get("special_tokens") or {}).values():
        token["ids"] = [numbers[i] for i in token["ids"]]
    for end in ("cls", "sep"):
        if isinstance(processor.get(end), list):
            processor[end] = [processor[end][0], numbers[processor[end][1]]]
