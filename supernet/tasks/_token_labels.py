"""Token classification: a class of every word, at the first of its pieces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from search_space.errors import DataError
from search_space.spec import Scalar, TaskShape
from search_space.summary import DataSummary, Example
from supernet.metrics import METRICS, Kind, Measure
from supernet.metrics.entity_f1 import are_entities
from supernet.readers.conll import Sentences
from supernet.readers.words import shown
from supernet.tasks._base import Split, TaskData, data_hash
from supernet.tasks._summary import class_facts, class_notes, rows_shown, sizes_text
from supernet.tasks._text import token_dropout_of
from supernet.tasks._word_encoding import encoded_words

__all__ = ["NO_WORD", "TokenLabelData", "token_label_data", "words_of"]

NO_WORD = -100
"""The target where there is no word to label: padding, further pieces of a word, what stands around a text."""

_SHOWN = 12  # words of an example


@dataclass(frozen=True, kw_only=True, slots=True, eq=False, repr=False)
class TokenLabelData(TaskData):
    """Sequences of pieces ``(B, L)`` with a class at the first piece of each word, ``NO_WORD`` elsewhere.

    Parameters
    ----------
    class_weights
        What a word of each class weighs in the loss, ``(K,)``; ``None`` where all weigh the same.
    """

    kind: ClassVar[Kind] = "token_labels"

    measure: Measure = METRICS["accuracy"]
    class_weights: Tensor | None = None

    def loss(
        self,
        outputs: Tensor,
        targets: Tensor,
        *,
        reduction: Literal["mean", "none"] = "mean",
        label_smoothing: float = 0.0,
    ) -> Tensor:
        """Cross-entropy of ``(B, L, K)`` with ``(B, L)``: the mean over all words, or over those of each example."""
        loss_BL = F.cross_entropy(
            outputs.mT, targets, ignore_index=NO_WORD, reduction="none", label_smoothing=label_smoothing
        )
        is_word = targets != NO_WORD
        if self.class_weights is not None:
            loss_BL = loss_BL * self.class_weights.to(outputs.device)[targets.clamp(min=0)]
        if reduction == "mean":
            return loss_BL.sum() / is_word.sum().clamp(min=1)
        return loss_BL.sum(1) / is_word.sum(1).clamp(min=1)

    def soft_loss(self, outputs: Tensor, teacher_outputs: Tensor, targets: Tensor) -> Tensor:
        """Kullback-Leibler divergence of the teacher's distribution from the student's, mean over all words."""
        (student, _), (teacher, _) = words_of(outputs, targets), words_of(teacher_outputs, targets)
        log_p, log_q = F.log_softmax(teacher, -1), F.log_softmax(student, -1)
        return F.kl_div(log_q, log_p, reduction="sum", log_target=True) / max(1, len(student))

    def answer_facts(self) -> dict[str, str]:
        """Return how many words there are, their classes and the sizes of these."""
        splits = {"train": self.train, "validation": self.validation, "test": self.test}
        return _word_facts({name: _classes_of(split) for name, split in splits.items()}, self.labels)

    def judged(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return the words of all examples, ``(N, K)`` and ``(N,)``, but for a metric of sequences."""
        return (outputs, targets) if self.measure.of_sequences else words_of(outputs, targets)

    def judged_targets(self, split: Split) -> Tensor:
        """Return the classes of the words of a split, ``(N,)``, but for a metric of sequences."""
        return split.targets.long() if self.measure.of_sequences else _classes_of(split)


def words_of(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return the outputs ``(N, K)`` and classes ``(N,)`` of the words in ``(B, L, K)`` and ``(B, L)``."""
    is_word = targets != NO_WORD
    return outputs[is_word], targets[is_word]


def token_label_data(
    parts: Mapping[str, Sentences],
    *,
    options: Mapping[str, Scalar],
    data_root: Path,
    where: str,
    splits_made: str,
) -> TokenLabelData:
    """Return the task of the sentences of the three splits; labels that training lacks are told.

    Parameters
    ----------
    options
        Those of :data:`supernet.tasks._encoding.TEXT_OPTIONS`.
    data_root
        Where a tokenizer may lie.
    where, splits_made
        Names the source in errors; says for the summary how the splits came about.

    Raises
    ------
    DataError
        For words of one label alone, more than memory holds, or what :func:`encoded_words` refuses.
    """
    names = sorted({tag for part in parts.values() for tags in part.tags for tag in tags})
    if len({tag for tags in parts["train"].tags for tag in tags}) < 2:
        raise DataError(
            f"{where}: train", expected="words of two labels or more", got=", ".join(names), remedy="add sentences"
        )
    by_word = encoded_words(
        {name: part.words for name, part in parts.items()}, options=options, data_root=data_root, where=where
    )
    encoded, known = by_word.texts, {name: number for number, name in enumerate(names)}
    splits, cut = {}, 0
    for name, part in parts.items():
        targets = torch.full((len(part), encoded.length), NO_WORD, dtype=torch.int16)
        for row, places, tags in zip(targets, by_word.starts[name], part.tags, strict=True):
            row[places] = torch.tensor([known[tag] for tag in tags[: len(places)]], dtype=torch.int16)
            cut += len(tags) - len(places)
        splits[name] = Split(stored=encoded.ids[name], targets=targets)
    words = {name: _classes_of(split) for name, split in splits.items()}
    shape = TaskShape(
        input_shape=(encoded.length,),
        num_outputs=len(names),
        seq_len=encoded.length,
        vocab_size=encoded.encoder.size,
        padded=True,
        stem="tokens",
        head="language_model",
    )
    dropout = token_dropout_of(encoded.encoder, options)
    tensors = [tensor for split in splits.values() for tensor in (split.stored, split.targets)]
    measure = METRICS["accuracy"]
    if are_entities(names) and (named := METRICS["entity_f1"].named) is not None:
        measure = named(tuple(names))
    return TokenLabelData(
        shape=shape,
        train=splits["train"],
        validation=splits["validation"],
        test=splits["test"],
        measure=measure,
        data_hash=data_hash((shape, names, options["token_dropout"]), encoded.encoder.content, *tensors),
        augmentation=dropout,
        files={**encoded.files, "labels.txt": "\n".join(names) + "\n"},
        token_rows=encoded.encoder.rows,
        preparation=(by_word.step, *encoded.preparation),
        meaning=_meaning(names, encoded.length),
        summary=DataSummary(
            facts={
                "examples": sizes_text({name: len(part) for name, part in parts.items()}, what=splits_made),
                **_word_facts(words, names),
                **encoded.facts,
            },
            notes=(
                *dict.fromkeys(note for part in parts.values() for note in part.notes),
                *encoded.notes,
                *([f"{cut:,} words that are cut off are judged nowhere"] if cut else []),
                *map(_of_words, class_notes(words, names)),
            ),
            examples=_examples(parts["train"]),
        ),
    )


def _classes_of(split: Split) -> Tensor:
    """Return the class of every word of a split, ``(N,)``."""
    return split.targets[split.targets != NO_WORD].long()


def _word_facts(words: Mapping[str, Tensor], names: Sequence[str]) -> dict[str, str]:
    """Return what the summary says of the classes ``(N,)`` of the words of each split."""
    facts = class_facts(words["train"], names, evaluated=words["validation"])
    sizes = sizes_text({name: len(some) for name, some in words.items()})
    return {"words": sizes, **{what: _of_words(told) for what, told in facts.items()}}


def _of_words(told: str) -> str:
    """Return what is said of examples as it is said of words."""
    return told.replace("examples", "words").replace("example", "word")


def _meaning(names: Sequence[str], length: int) -> dict[str, Any]:
    return {
        "kind": "class scores of each piece",
        "shape": ["batch", length, len(names)],
        "decision": "a word has the class of the largest score at its first piece; other places say nothing",
        "labels": list(names),
    }


def _examples(train: Sentences) -> tuple[Example, ...]:
    """Return the first words of a few sentences, and their labels."""
    return tuple(
        Example(target=shown(" ".join(train.tags[i][:_SHOWN])), text=shown(" ".join(train.words[i][:_SHOWN])))
        for i in rows_shown(len(train))
    )
