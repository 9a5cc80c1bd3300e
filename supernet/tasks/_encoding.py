"""Texts as tensors of ids: by a published vocabulary or one learned from the training texts, cut, padded, and told."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from search_space.errors import ConfigError, DataError
from search_space.spec import Scalar
from supernet.readers.memory import require_memory
from supernet.readers.words import shown
from supernet.tasks._options import Option
from supernet.tasks._summary import lengths_text
from supernet.tokenizers import KINDS, NAME, Encoder, learned, published, readable

__all__ = ["TEXT_OPTIONS", "EncodedTexts", "assembled", "encoded_texts", "encoder_of"]

_LONGEST = 512  # pieces of a sequence, where a user sets no length

TEXT_OPTIONS: Mapping[str, Option] = {
    "vocabulary": Option(
        default=2048,
        meaning="largest number of ids of a vocabulary that is learned from the training texts: padding, 256 bytes and "
        "pieces of words",
        low=257,
        high=200_000,
        why="the largest vocabularies in use are not larger",
    ),
    "pieces": Option(
        default="byte_pairs",
        meaning="what it consists of: pieces of bytes, to which no text is unknown, pieces of words in BERT's "
        "form, or the most frequent words",
        choices=KINDS,
    ),
    "tokenizer": Option(
        default="",
        meaning=f"a published vocabulary in its place: a {NAME}, or the folder of a checkpoint; empty with `init=hf` "
        "for that of the checkpoint",
    ),
    "trim_vocabulary": Option(
        default=False, meaning="whether pieces of a published vocabulary that no training text needs are left out"
    ),
    "max_tokens": Option(
        default=0,
        meaning="length of a sequence in pieces; longer texts are cut, and counted in the summary; "
        f"0 fits the longest training text, up to {_LONGEST}",
        high=65_536,
        why="the attention of a longer sequence takes more memory than machines have",
    ),
    "lowercase": Option(
        default=True, meaning="whether texts are put in lower case first; a published vocabulary says it itself"
    ),
    "token_dropout": Option(
        default=0.0,
        meaning="share of the pieces that training replaces by an unused id, so that it does not learn texts by heart",
        high=0.9,
        why="of a text of which more is lost nothing can be learned",
    ),
}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class EncodedTexts:
    """Ids of texts by split.

    Parameters
    ----------
    encoder
        What found them.
    ids
        For each split int32 ``(n, L)``, padded with 0.
    sizes
        For each split how many ids each text has, those around it among them.
    unknown
        The share of the training texts' pieces that the vocabulary knows nothing of.
    lowercase
        Whether the texts were put in lower case first, by what was learned here.
    """

    encoder: Encoder
    ids: Mapping[str, Tensor]
    sizes: Mapping[str, Sequence[int]]
    unknown: float
    lowercase: bool

    @property
    def length(self) -> int:
        """Ids of a sequence."""
        return self.ids["train"].shape[1]

    @property
    def files(self) -> dict[str, str]:
        """The vocabulary, and the program that finds the ids of a text."""
        return {self.encoder.name: self.encoder.content, "tokenizer.py": self.encoder.program}

    @property
    def preparation(self) -> tuple[Mapping[str, Any], ...]:
        """The steps from a text to its ids, as of :class:`TaskData`."""
        encode = {"do": "encode", "as": self.encoder.pieces, "vocabulary": self.encoder.name, "reader": "tokenizer.py"}
        values = f"at most {self.length} ids, the rest is cut off"
        if self.encoder.around:
            values = f"at most {self.length} ids, the last ones of a longer text cut off before those around it"
        return (
            *([{"do": "lowercase"}] if self.lowercase else []),
            {**encode, "most": self.length} if self.encoder.around else encode,
            {"do": "pad", "length": self.length, "value": 0, "values": values},
        )

    @property
    def facts(self) -> dict[str, str]:
        """Lengths and vocabulary, for the summary."""
        encoder = self.encoder
        origin = "" if encoder.rows is None else f" of the published {encoder.name}"
        unknown = (
            "" if encoder.unknown is None else f"; unknown to it: {100 * self.unknown:.2g} % of the training texts"
        )
        return {
            "lengths": f"{lengths_text(self.sizes['train'])}; sequences of {self.length:,}",
            "vocabulary": f"{encoder.size:,} pieces{origin}{unknown}",
        }

    @property
    def notes(self) -> tuple[str, ...]:
        """How many texts are cut, how much of all texts that is, and the length that would cut none."""
        sizes = [size for part in self.sizes.values() for size in part]
        cut = [size for size in sizes if size > self.length]
        if not cut:
            return ()
        lost = sum(size - self.length for size in cut)
        return (
            f"{len(cut):,} of {len(sizes):,} texts are cut to {self.length:,} pieces, {100 * lost / sum(sizes):.1f} % "
            f"of all; the longest has {max(cut):,} (task.options.max_tokens)",
        )


def encoded_texts(
    texts: Mapping[str, Sequence[str]], *, options: Mapping[str, Scalar], data_root: Path, where: str
) -> EncodedTexts:
    """Return the ids of the texts of each split.

    Parameters
    ----------
    texts
        By split; those of ``train`` decide what is learned, which pieces stay, and the length.
    options
        Those of :data:`TEXT_OPTIONS`.
    data_root
        Where a tokenizer may lie.
    where
        Names the texts in errors.

    Raises
    ------
    ConfigError
        For options that exclude each other, or a length without room for a text.
    DataError
        For a tokenizer that cannot be read, texts that are all unknown to it, or more than memory holds.
    """
    encoder = encoder_of(texts["train"], options=options, data_root=data_root)
    with readable("task.options.tokenizer") if encoder.rows is not None else nullcontext():
        rows = {name: [encoder.encode(text) for text in part] for name, part in texts.items()}
    return assembled(
        encoder, rows, lambda name, i, most: encoder.encode(texts[name][i], most=most), options=options, where=where
    )


def assembled(
    encoder: Encoder,
    rows: Mapping[str, Sequence[Sequence[int]]],
    cut: Callable[[str, int, int], Sequence[int]],
    *,
    options: Mapping[str, Scalar],
    where: str,
) -> EncodedTexts:
    """Return the ids of each split as tensors of one length.

    Parameters
    ----------
    encoder
        What found them.
    rows
        Of each split the ids of each text, those around it among them.
    cut
        Gives the ids of a text that is longer, by its split, its row and the length.
    options, where
        As of :func:`encoded_texts`, whose errors it raises.
    """
    unknown = _unknown_share(rows["train"], encoder, where=where)
    sizes = {name: [len(row) for row in part] for name, part in rows.items()}
    length = int(options["max_tokens"]) or min(_LONGEST, max(8, -(-max(sizes["train"]) // 8) * 8))
    if length <= encoder.around:
        raise ConfigError(
            "task.options.max_tokens",
            expected=f"more than the {encoder.around} ids that stand around a text",
            got=str(length),
            remedy="set a greater length, or 0",
        )
    require_memory(
        sum(2 * 4 * len(part) * length for part in rows.values()),  # the hash of the data takes a copy
        parameter=where,
        what=f"{sum(map(len, rows.values())):,} sequences of {length:,} pieces",
        remedy="lower task.options.max_tokens",
    )
    ids = {
        name: _padded([row if len(row) <= length else cut(name, i, length) for i, row in enumerate(part)], length)
        for name, part in rows.items()
    }
    lowercase = bool(options["lowercase"]) and encoder.name != NAME
    return EncodedTexts(encoder=encoder, ids=ids, sizes=sizes, unknown=unknown, lowercase=lowercase)


def encoder_of(train: Sequence[str], *, options: Mapping[str, Scalar], data_root: Path) -> Encoder:
    """Return what finds the ids of texts: a published vocabulary, or one that is learned from those of training."""
    place, kind = str(options["tokenizer"]), str(options["pieces"])
    if not place:
        if options["trim_vocabulary"]:
            raise ConfigError(
                "task.options.trim_vocabulary",
                expected="false for a vocabulary that is learned from the texts, which has no piece to spare",
                got="true",
                remedy="set task.options.tokenizer, or init=hf",
            )
        return learned(train, kind=kind, size=int(options["vocabulary"]), lowercase=bool(options["lowercase"]))
    if kind != KINDS[0]:
        raise ConfigError(
            "task.options.pieces",
            expected="no vocabulary to learn beside a published one",
            got=f"{kind}, and {shown(place)}",
            remedy="set one of task.options.pieces and task.options.tokenizer (which init=hf sets)",
        )
    return published(_found(place, data_root), trim_to=train if options["trim_vocabulary"] else None)


def _found(place: str, data_root: Path) -> Path:
    """Return the file of a tokenizer, given it or its folder, relative to the working directory or the data's."""
    given = Path(os.path.expanduser(place))
    there = next((path for path in (given, data_root / given) if path.exists()), given)
    path = there / NAME if there.is_dir() else there
    if not path.is_file():
        raise DataError(
            "task.options.tokenizer",
            expected=f"a {NAME}, or the folder of a checkpoint that holds one",
            got=f"a folder without it, {there}" if there.is_dir() else f"no file {shown(str(path), most=400)}",
            remedy="correct the path, or make it with AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR)",
        )
    return path


def _unknown_share(rows: Sequence[Sequence[int]], encoder: Encoder, *, where: str) -> float:
    """Return the share of pieces that are unknown; raises ``DataError`` where all are, or where there are none."""
    pieces = sum(i not in encoder.special for row in rows for i in row)
    unknown = sum(i == encoder.unknown for row in rows for i in row)
    if pieces == unknown:
        raise DataError(
            f"{where}: train",
            expected="texts that the vocabulary has pieces for",
            got="nothing in them that it knows",
            remedy="choose a tokenizer of their language (task.options.tokenizer), or learn one",
        )
    return unknown / pieces


def _padded(rows: Sequence[Sequence[int]], length: int) -> Tensor:
    """Return rows of ids as int32 ``(n, length)``, filled up with 0."""
    ids = torch.zeros(len(rows), length, dtype=torch.int32)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row, dtype=torch.int32)
    return ids
