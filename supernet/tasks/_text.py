"""Text: classification of padded pieces of words, and the prediction of each next byte."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from search_space.errors import ConfigError, DataError
from search_space.metric import ACCURACY, BITS_PER_BYTE
from search_space.spec import TaskShape
from supernet.stems.bare_tokens import PADDING
from supernet.tasks import _vocabulary
from supernet.tasks._base import Split, TaskData, data_hash
from supernet.tasks._classification import ClassificationData, class_scores
from supernet.tasks._vocabulary import Vocabulary

__all__ = ["LanguageData", "TextData", "Texts", "byte_data", "text_data"]

Texts = tuple[Sequence[str], Sequence[str]]
"""Texts and their labels, of one length."""

_BYTES = 256
_DROPPED = 1  # the id of byte 0, which hardly any text has


@dataclass(frozen=True, kw_only=True, slots=True, eq=False, repr=False)
class TextData(ClassificationData):
    """Labelled texts with one class each.

    Parameters
    ----------
    token_dropout
        Share of the pieces that training replaces by one that means nothing (Iyyer et al. 2015, word dropout).
    """

    token_dropout: float = 0.0

    def augment(self, inputs: Tensor, generator: torch.Generator) -> Tensor:
        """Replace pieces of ``(B, L)``, never padding."""
        if not self.token_dropout:
            return inputs
        dropped = torch.rand(inputs.shape, generator=generator) < self.token_dropout
        return inputs.masked_fill(dropped & (inputs != PADDING), _DROPPED)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False, repr=False)
class LanguageData(TaskData):
    """Windows of tokens whose targets are the same tokens, one place on."""

    def loss(
        self,
        outputs: Tensor,
        targets: Tensor,
        *,
        reduction: Literal["mean", "none"] = "mean",
        label_smoothing: float = 0.0,
    ) -> Tensor:
        """Cross-entropy of ``(B, L, V)`` with ``(B, L)``, in nats a token."""
        loss_BL = F.cross_entropy(outputs.mT, targets, reduction="none", label_smoothing=label_smoothing)
        return loss_BL.mean() if reduction == "mean" else loss_BL.mean(1)

    def soft_loss(self, outputs: Tensor, teacher_outputs: Tensor) -> Tensor:
        """Kullback-Leibler divergence of the teacher's distribution from the student's, mean over tokens."""
        log_p, log_q = F.log_softmax(teacher_outputs.flatten(0, 1), -1), F.log_softmax(outputs.flatten(0, 1), -1)
        return F.kl_div(log_q, log_p, reduction="batchmean", log_target=True)

    def error(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Bits a token, the mean over each window."""
        return F.cross_entropy(outputs.mT, targets, reduction="none").mean(1) / math.log(2)


def byte_data(train: bytes, *, validation: bytes, test: bytes, context: int, where: str) -> LanguageData:
    """Return the language modelling of bytes in windows of ``context``.

    Training windows begin at every byte. Those of validation and test lie side by side, so that each byte but the first
    is predicted, once (the last window overlaps the one before it where the text does not divide evenly); the first
    bytes of a window see little before them, so the figure is a little worse than that of a sliding window.

    Raises
    ------
    DataError
        For a split that is not longer than a window; ``where`` names the source.
    """
    if context < 2:
        raise ConfigError("task.options.context", expected="2 or more", got=str(context), remedy="correct it")
    splits = {}
    for name, raw in (("train", train), ("validation", validation), ("test", test)):
        if len(raw) <= context:
            raise DataError(
                f"{where}: {name}",
                expected=f"more text than one window of {context} bytes",
                got=f"{len(raw)} bytes" if raw else "empty text",
                remedy="add text, or lower task.options.context",
            )
        values = torch.frombuffer(bytearray(raw), dtype=torch.uint8)
        windows, targets = values[:-1].unfold(0, context, 1), values[1:].unfold(0, context, 1)
        if name != "train":
            starts = [*range(0, len(windows), context)]
            starts += [len(windows) - 1] if starts[-1] != len(windows) - 1 else []
            windows, targets = windows[starts], targets[starts]
        splits[name] = Split(stored=windows, targets=targets)
    shape = TaskShape(
        input_shape=(context,),
        num_outputs=_BYTES,
        seq_len=context,
        causal=True,
        vocab_size=_BYTES,
        stem="tokens",
        head="language_model",
    )
    content = data_hash(shape, train, validation, test)
    return LanguageData(
        shape=shape,
        train=splits["train"],
        validation=splits["validation"],
        test=splits["test"],
        metric=BITS_PER_BYTE,
        data_hash=content,
        preparation=(
            {"do": "encode", "as": "bytes of UTF-8, an id each"},
            {"do": "cut", "length": context, "values": f"the last {context} ids"},
        ),
        meaning={
            "kind": "scores of the next byte, at every place",
            "shape": ["batch", context, _BYTES],
            "decision": "softmax gives the probability of each byte to follow",
        },
    )


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
) -> TextData:
    """Return a classification of texts, in pieces that are learned from the training texts alone.

    Parameters
    ----------
    vocabulary_size
        Largest number of ids: padding, 256 bytes and pieces of words.
    max_tokens
        Length of the padded sequences; 0 is that of the longest training text, to the next multiple of 8. Longer texts
        of the other splits are then cut, and otherwise refused.
    token_dropout
        As in :class:`TextData`.
    where
        Names the source in errors.

    Raises
    ------
    ConfigError
        For options of no sense.
    DataError
        For a label that the training texts lack, a single class, or a text longer than ``max_tokens``.
    """
    if vocabulary_size < 257:
        raise ConfigError(
            "task.options.vocabulary", expected="257 or more", got=str(vocabulary_size), remedy="correct it"
        )
    if max_tokens < 0:
        raise ConfigError("task.options.max_tokens", expected="0 or more", got=str(max_tokens), remedy="correct it")
    if not 0 <= token_dropout < 1:
        raise ConfigError(
            "task.options.token_dropout", expected="0 or more, below 1", got=f"{token_dropout:g}", remedy="correct it"
        )
    classes = sorted(set(train[1]))
    if len(classes) < 2:
        raise DataError(
            f"{where}: train",
            expected="texts of two labels or more",
            got=f"labels {classes}" if classes else "no texts",
            remedy="add examples of other labels",
        )
    vocabulary = Vocabulary.learn(train[0], size=vocabulary_size, lowercase=lowercase)
    longest = max(len(vocabulary.encode(text)) for text in train[0])
    length = max_tokens or max(8, -(-longest // 8) * 8)
    numbers = {label: i for i, label in enumerate(classes)}
    splits = {}
    for name, (texts, labels) in (("train", train), ("validation", validation), ("test", test)):
        _check_labels(labels, numbers, f"{where}: {name}")
        rows = [vocabulary.encode(text) for text in texts]
        if max_tokens and max(map(len, rows)) > max_tokens:
            raise DataError(
                f"{where}: {name}",
                expected=f"texts of at most task.options.max_tokens={max_tokens} pieces",
                got=f"one of {max(map(len, rows))}",
                remedy="raise task.options.max_tokens, or set it to 0 to fit the training texts",
            )
        ids = torch.zeros(len(rows), length, dtype=torch.int32)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = torch.tensor(row[:length], dtype=torch.int32)
        splits[name] = Split(stored=ids, targets=torch.tensor([numbers[label] for label in labels]))
    shape = TaskShape(
        input_shape=(length,),
        num_outputs=len(classes),
        seq_len=length,
        vocab_size=vocabulary.size,
        padded=True,
        stem="tokens",
        head="pooled",
    )
    files: Mapping[str, str] = {
        "vocabulary.json": vocabulary.to_json(),
        "tokenizer.py": Path(_vocabulary.__file__).read_text(encoding="utf-8"),  # needs Python alone
        "labels.txt": "\n".join(classes) + "\n",
    }
    tensors = [tensor for part in splits.values() for tensor in (part.stored, part.targets)]
    content = data_hash((shape, token_dropout) if token_dropout else shape, files["vocabulary.json"], *tensors)
    return TextData(
        shape=shape,
        train=splits["train"],
        validation=splits["validation"],
        test=splits["test"],
        metric=ACCURACY,
        data_hash=content,
        token_dropout=token_dropout,
        files=files,
        preparation=(
            *([{"do": "lowercase"}] if lowercase else []),
            {"do": "encode", "as": "byte pairs", "vocabulary": "vocabulary.json", "reader": "tokenizer.py"},
            {"do": "pad", "length": length, "value": 0, "values": f"at most {length} ids, the rest is cut off"},
        ),
        meaning=class_scores(len(classes), labels=classes),
    )


def _check_labels(labels: Sequence[str], known: Mapping[str, int], where: str) -> None:
    unseen = sorted(set(labels) - set(known))
    if not labels or unseen:
        raise DataError(
            where,
            expected="texts with labels that the training texts have too",
            got=f"{', '.join(map(repr, unseen[:5]))}, which they have not" if unseen else "no texts",
            remedy="add training texts of these labels or remove them",
        )
