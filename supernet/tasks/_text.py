"""Text: padded pieces of words, and a class or a number to predict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from search_space.spec import TaskShape
from search_space.summary import DataSummary, Example
from supernet.readers.labelled import Texts
from supernet.readers.memory import require_memory
from supernet.readers.words import shown
from supernet.stems.bare_tokens import PADDING
from supernet.tasks import _vocabulary
from supernet.tasks._answers import CLASS, answers_of
from supernet.tasks._base import Split, TaskData, data_hash
from supernet.tasks._options import Option
from supernet.tasks._summary import lengths_text, rows_shown, sizes_text
from supernet.tasks._vocabulary import Vocabulary

__all__ = ["TEXT_OPTIONS", "TokenDropout", "text_data"]

_LONGEST = 512  # pieces of a sequence, where a user sets no length
_SHOWN = 200  # signs of an example

TEXT_OPTIONS: Mapping[str, Option] = {
    "vocabulary": Option(
        default=2048,
        meaning="largest number of ids: padding, 256 bytes and pieces of words, learned from the training texts",
        low=257,
        high=200_000,
        why="the largest vocabularies in use are not larger",
    ),
    "max_tokens": Option(
        default=0,
        meaning="length of a sequence in pieces; longer texts are cut, and counted in the summary; "
        f"0 fits the longest training text, up to {_LONGEST}",
        high=65_536,
        why="the attention of a longer sequence takes more memory than machines have",
    ),
    "lowercase": Option(default=True, meaning="whether texts are put in lower case first"),
    "token_dropout": Option(
        default=0.0,
        meaning="share of the pieces that training replaces by an unused id, so that it does not learn texts by heart",
        high=0.9,
        why="of a text of which more is lost nothing can be learned",
    ),
}
_DROPPED = 1  # the id of byte 0, which hardly any text has


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenDropout:
    """Replaces pieces by one that means nothing (Iyyer et al. 2015, word dropout).

    Parameters
    ----------
    share
        Of the pieces, in training.
    """

    share: float

    def __call__(self, inputs: Tensor, generator: torch.Generator) -> Tensor:
        """Replace pieces of ``(B, L)``, never padding."""
        dropped = torch.rand(inputs.shape, generator=generator) < self.share
        return inputs.masked_fill(dropped & (inputs != PADDING), _DROPPED)


def text_data(
    train: Texts,
    *,
    validation: Texts,
    test: Texts,
    vocabulary_size: int,
    max_tokens: int,
    lowercase: bool,
    token_dropout: float,
    where: str,
    splits_made: str,
    predict: str = CLASS,
) -> TaskData:
    """Return a task of texts with a label each, in pieces that are learned from the training texts alone.

    Parameters
    ----------
    vocabulary_size
        Largest number of ids: padding, 256 bytes and pieces of words.
    max_tokens
        Length of the padded sequences; 0 is that of the longest training text, to the next multiple of 8, but no more
        than 512. Longer texts are cut, and the summary counts them.
    token_dropout
        As in :class:`TokenDropout`.
    where, splits_made
        Names the source in errors; says for the summary how the splits came about.
    predict
        Whether labels are classes or numbers.

    Raises
    ------
    DataError
        For labels that :func:`answers_of` refuses, or more texts than memory holds.
    """
    parts = {"train": train, "validation": validation, "test": test}
    answers = answers_of({name: part.labels for name, part in parts.items()}, predict=predict, where=where)
    vocabulary = Vocabulary.learn(train.texts, size=vocabulary_size, lowercase=lowercase)
    rows = {name: [vocabulary.encode(text) for text in part.texts] for name, part in parts.items()}
    lengths = [len(row) for row in rows["train"]]
    length = max_tokens or min(_LONGEST, max(8, -(-max(lengths) // 8) * 8))
    splits = {
        name: Split(stored=_padded(rows[name], length, where=where), targets=answers.targets[name]) for name in parts
    }
    shape = TaskShape(
        input_shape=(length,),
        num_outputs=answers.outputs,
        seq_len=length,
        vocab_size=vocabulary.size,
        padded=True,
        stem="tokens",
        head="pooled",
    )
    files: Mapping[str, str] = {
        "vocabulary.json": vocabulary.to_json(),
        "tokenizer.py": Path(_vocabulary.__file__).read_text(encoding="utf-8"),  # needs Python alone
        **answers.files,
    }
    tensors = [tensor for part in splits.values() for tensor in (part.stored, part.targets)]
    choices = (token_dropout, *answers.kind) if token_dropout or answers.kind else ()
    content = data_hash((shape, *choices) if choices else shape, files["vocabulary.json"], *tensors)
    return answers.make(
        shape=shape,
        train=splits["train"],
        validation=splits["validation"],
        test=splits["test"],
        data_hash=content,
        augmentation=TokenDropout(share=token_dropout) if token_dropout else None,
        files=files,
        preparation=(
            *([{"do": "lowercase"}] if lowercase else []),
            {"do": "encode", "as": "byte pairs", "vocabulary": "vocabulary.json", "reader": "tokenizer.py"},
            {"do": "pad", "length": length, "value": 0, "values": f"at most {length} ids, the rest is cut off"},
        ),
        meaning=answers.meaning,
        summary=DataSummary(
            facts={
                "examples": sizes_text({name: len(part) for name, part in parts.items()}, what=splits_made),
                **answers.facts,
                "lengths": f"{lengths_text(lengths)}; sequences of {length:,}",
                "vocabulary": f"{vocabulary.size:,} pieces",
            },
            notes=(
                *dict.fromkeys(note for part in parts.values() for note in part.notes),
                *_cut_notes(rows, length),
                *answers.notes,
            ),
            examples=tuple(
                Example(target=answers.told(i), text=shown(train.texts[i], most=_SHOWN)) for i in rows_shown(len(train))
            ),
        ),
    )


def _padded(rows: list[list[int]], length: int, *, where: str) -> Tensor:
    """Return the first ``length`` ids of each text, padded with 0."""
    require_memory(
        2 * 4 * len(rows) * length,  # the hash of the data takes a copy
        parameter=where,
        what=f"{len(rows):,} sequences of {length:,} pieces",
        remedy="lower task.options.max_tokens",
    )
    ids = torch.zeros(len(rows), length, dtype=torch.int32)
    for i, row in enumerate(rows):
        kept = row[:length]
        ids[i, : len(kept)] = torch.tensor(kept, dtype=torch.int32)
    return ids


def _cut_notes(rows: Mapping[str, list[list[int]]], length: int) -> tuple[str, ...]:
    """Return how many texts are cut, how much of all texts that is, and the length that would cut none."""
    sizes = [len(row) for part in rows.values() for row in part]
    cut = [size for size in sizes if size > length]
    if not cut:
        return ()
    lost = sum(size - length for size in cut)
    return (
        f"{len(cut):,} of {len(sizes):,} texts are cut to {length:,} pieces, {100 * lost / sum(sizes):.1f} % of all; "
        f"the longest has {max(cut):,} (task.options.max_tokens)",
    )
