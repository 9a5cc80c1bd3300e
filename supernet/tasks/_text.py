"""Text: padded pieces of words, and a class or a number to predict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from search_space.errors import ConfigError
from search_space.spec import Scalar, TaskShape
from search_space.summary import DataSummary, Example
from supernet.readers.labelled import Texts
from supernet.readers.words import shown
from supernet.tasks._answers import CLASS, answers_of
from supernet.tasks._base import Split, Task, TaskData, data_hash
from supernet.tasks._encoding import encoded_texts
from supernet.tasks._summary import rows_shown, sizes_text
from supernet.tokenizers import Encoder

__all__ = ["TextTask", "TokenDropout", "text_data", "token_dropout_of"]

_SHOWN = 200  # signs of an example


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenDropout:
    """Replaces pieces by one that means nothing (Iyyer et al. 2015, word dropout).

    Parameters
    ----------
    share
        Of the pieces, in training.
    blank
        The id of what replaces them.
    special
        Ids that are no pieces of a text, and stay.
    """

    share: float
    blank: int
    special: tuple[int, ...]

    def __call__(self, inputs: Tensor, generator: torch.Generator) -> Tensor:
        """Replace pieces of ``(B, L)``, never padding nor what stands around a text."""
        dropped = torch.rand(inputs.shape, generator=generator) < self.share
        special = torch.tensor(self.special, device=inputs.device)
        return inputs.masked_fill(dropped & ~torch.isin(inputs, special), self.blank)


def text_data(
    train: Texts,
    *,
    validation: Texts,
    test: Texts,
    options: Mapping[str, Scalar],
    data_root: Path,
    where: str,
    splits_made: str,
    predict: str = CLASS,
) -> TaskData:
    """Return a task of texts with a label each, in pieces of a published vocabulary or of one learned from ``train``.

    Parameters
    ----------
    options
        Those of :data:`supernet.tasks._encoding.TEXT_OPTIONS`, complete. Without a length, sequences are as long as the
        longest training text, to the next multiple of 8, but no more than 512; the summary counts what is cut.
    data_root
        Where a tokenizer may lie.
    where, splits_made
        Names the source in errors; says for the summary how the splits came about.
    predict
        Whether labels are classes or numbers.

    Raises
    ------
    ConfigError
        For options that exclude each other.
    DataError
        For labels that :func:`answers_of` refuses, more texts than memory holds, or texts that the vocabulary knows
        nothing of.
    """
    parts = {"train": train, "validation": validation, "test": test}
    answers = answers_of({name: part.labels for name, part in parts.items()}, predict=predict, where=where)
    texts = {name: part.texts for name, part in parts.items()}
    encoded = encoded_texts(texts, options=options, data_root=data_root, where=where)
    encoder = encoded.encoder
    splits = {
        name: Split(stored=encoded.ids[name], targets=answers.targets[name], groups=part.ties.numbers)
        for name, part in parts.items()
    }
    shape = TaskShape(
        input_shape=(encoded.length,),
        num_outputs=answers.outputs,
        seq_len=encoded.length,
        vocab_size=encoder.size,
        padded=True,
        stem="tokens",
        head="pooled",
    )
    dropout = token_dropout_of(encoder, options)
    tensors = [tensor for part in splits.values() for tensor in (part.stored, part.targets)]
    choices = (float(options["token_dropout"]), *answers.kind) if dropout or answers.kind else ()
    content = data_hash((shape, *choices) if choices else shape, encoder.content, *tensors)
    return answers.make(
        shape=shape,
        train=splits["train"],
        validation=splits["validation"],
        test=splits["test"],
        data_hash=content,
        augmentation=dropout,
        files={**encoded.files, **answers.files},
        token_rows=encoder.rows,
        preparation=encoded.preparation,
        meaning=answers.meaning,
        in_order=bool(train.ties.times),
        summary=DataSummary(
            facts={
                "examples": sizes_text({name: len(part) for name, part in parts.items()}, what=splits_made),
                **answers.facts,
                **encoded.facts,
            },
            notes=(
                *dict.fromkeys(note for part in parts.values() for note in part.notes),
                *encoded.notes,
                *answers.notes,
            ),
            examples=tuple(
                Example(target=answers.told(i), text=shown(train.texts[i], most=_SHOWN)) for i in rows_shown(len(train))
            ),
        ),
    )


def token_dropout_of(encoder: Encoder, options: Mapping[str, Scalar]) -> TokenDropout | None:
    """Return what leaves out pieces in training, if a task's options ask for it.

    Raises
    ------
    ConfigError
        The vocabulary has no piece that means nothing.
    """
    share = float(options["token_dropout"])
    if not share:
        return None
    if encoder.blank is None:
        raise ConfigError(
            "task.options.token_dropout",
            expected="0 with a vocabulary that has neither a mask nor an unknown piece",
            got=f"{share:g}",
            remedy="set it to 0, or choose another tokenizer",
        )
    return TokenDropout(share=share, blank=encoder.blank, special=tuple(sorted(encoder.special)))


class TextTask(Task):
    """A task of texts, whose vocabulary is that of the checkpoint where networks start from one."""

    @classmethod
    def beside_checkpoint(cls, options: Mapping[str, Scalar | None], folder: Path) -> Mapping[str, Scalar | None]:
        """Take the vocabulary of the checkpoint, unless another tokenizer is set."""
        return options if options.get("tokenizer") else {**options, "tokenizer": str(folder)}
