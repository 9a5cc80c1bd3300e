"""Sentences as tensors of ids, word by word, so that it is known where each word begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from search_space.spec import Scalar
from supernet.tasks._encoding import EncodedTexts, assembled, encoder_of
from supernet.tokenizers import Encoder, readable

__all__ = ["EncodedWords", "encoded_words"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class EncodedWords:
    """Ids of sentences by split, and where their words begin.

    Parameters
    ----------
    texts
        The ids.
    starts
        For each split, of each sentence the places of the first pieces of its words; words that are cut off have none.
    step
        How words become ids, as of ``TaskData.preparation``, which stands before the steps of ``texts``.
    """

    texts: EncodedTexts
    starts: Mapping[str, Sequence[Sequence[int]]]
    step: Mapping[str, Any]


def encoded_words(
    sentences: Mapping[str, Sequence[Sequence[str]]], *, options: Mapping[str, Scalar], data_root: Path, where: str
) -> EncodedWords:
    """Return the ids of sentences, word by word: each as it stands after another one, behind a space.

    Parameters and errors are those of :func:`supernet.tasks._encoding.encoded_texts`, words in the place of texts.
    """
    encoder = encoder_of([" ".join(words) for words in sentences["train"]], options=options, data_root=data_root)
    with readable("task.options.tokenizer") if encoder.rows is not None else nullcontext():
        before, after = _around(encoder)
        nothing = encoder.unknown if encoder.unknown is not None else encoder.blank or 0
        pieces = {
            name: [
                [
                    _pieces(encoder, f" {word}" if n else word, before, after) or [nothing]
                    for n, word in enumerate(words)
                ]
                for words in part
            ]
            for name, part in sentences.items()
        }
    inside = {name: [[i for word in words for i in word] for words in part] for name, part in pieces.items()}
    found = assembled(
        encoder,
        {name: [[*before, *ids, *after] for ids in part] for name, part in inside.items()},
        lambda name, i, most: [*before, *inside[name][i][: most - encoder.around], *after],
        options=options,
        where=where,
    )
    room = found.length - len(after)
    starts = {
        name: [[at for at in accumulate(map(len, words[:-1]), initial=len(before)) if at < room] for words in part]
        for name, part in pieces.items()
    }
    step = {
        "do": "words",
        "values": "each is encoded by itself, all but the first with a space before it, without the ids around a text; "
        "one without ids is nothing's",
        "before": before,
        "after": after,
        "nothing": nothing,
    }
    return EncodedWords(texts=found, starts=starts, step=step)


def _around(encoder: Encoder) -> tuple[list[int], list[int]]:
    """Return the ids before and after those of a text."""
    alone, text = encoder.encode(""), encoder.encode("a")
    first = next((n for n, (one, other) in enumerate(zip(alone, text, strict=False)) if one != other), len(alone))
    return alone[:first], alone[first:]


def _pieces(encoder: Encoder, word: str, before: Sequence[int], after: Sequence[int]) -> list[int]:
    """Return the ids of a word alone."""
    ids = encoder.encode(word)
    return ids[len(before) : len(ids) - len(after)]
