"""The user's own texts, without labels: networks imitate the vectors that a published encoder gives to them.

Texts that have the same pieces count once. Where there are no files for validation and test, a tenth of the texts is
set aside for each, two thousand at most. The encoder sees a text as long as it can, with its whole vocabulary; what a
network sees is cut to ``max_tokens`` and, if that is wanted, trimmed.

Papers: Reimers and Gurevych 2019, Sentence-BERT; 2020, arXiv:2004.09813 (a student imitates sentence vectors).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch

from search_space.errors import ConfigError, DataError
from search_space.spec import Scalar, TaskShape
from search_space.summary import DataSummary, Example
from supernet.metrics import nearest
from supernet.pretrained import Pretrained
from supernet.readers.files import find_file, find_folder
from supernet.readers.labelled import TEXT_SUFFIXES, read_texts
from supernet.readers.memory import require_memory
from supernet.readers.words import counted, shown
from supernet.sentences import SentenceEncoder
from supernet.tasks._base import Split, Task, TaskData, data_hash
from supernet.tasks._encoding import TEXT_OPTIONS, encoded_texts, encoder_of
from supernet.tasks._options import Option
from supernet.tasks._setting_aside import set_aside_numbers
from supernet.tasks._summary import rows_shown, sizes_text
from supernet.tasks._vectors import EmbeddingData, kept_vectors
from supernet.tokenizers import readable

_FEWEST = 12  # texts of validation and of the test, so that ten neighbours are not all
_MOST = 2000  # set aside for each
_SHOWN = 200  # signs of an example
_LENGTH = TEXT_OPTIONS["max_tokens"].meaning.rpartition(",")[0]
_OWN = ("trim_vocabulary", "max_tokens")
_ASIDE = "a tenth of the training texts set aside for each, 2,000 at most, seed 0"


class Embedding(Task):
    """The texts of ``path``, relative to the working directory or to ``data_root``."""

    options: ClassVar[Mapping[str, Option]] = {
        "path": Option(default="", meaning="the file of texts; of a `.txt` each line is one"),
        "validation_path": Option(default="", meaning="a file for validation; a tenth is set aside where it is empty"),
        "test_path": Option(default="", meaning="a file for the test; a tenth is set aside where it is empty"),
        "text": Option(default="text", meaning="name of the column or field of the texts"),
        "checkpoint_path": Option(
            default="",
            meaning="the folder of the encoder whose vectors are imitated, with its `tokenizer.json`; empty with "
            "`init=hf` for the checkpoint that networks start from",
        ),
        "trim_vocabulary": TEXT_OPTIONS["trim_vocabulary"],
        "max_tokens": replace(TEXT_OPTIONS["max_tokens"], meaning=f"{_LENGTH}, up to what the encoder looks at"),
    }

    @classmethod
    def beside_checkpoint(cls, options: Mapping[str, Scalar | None], folder: Path) -> Mapping[str, Scalar | None]:
        """Imitate the checkpoint, unless another one is set."""
        return options if options.get("checkpoint_path") else {**options, "checkpoint_path": str(folder)}

    @classmethod
    def read(cls, data_root: Path, *, options: Mapping[str, Scalar]) -> TaskData:
        """Read the texts, and compute the encoder's vectors of them or find those of an earlier time."""
        folder = find_folder(
            str(options["checkpoint_path"]),
            data_root,
            kind="an encoder, as save_pretrained writes it",
            option="task.options.checkpoint_path",
        )
        told = {name: option.default for name, option in TEXT_OPTIONS.items()}
        told |= {name: options[name] for name in _OWN} | {"tokenizer": os.path.abspath(folder)}
        texts, notes = _read(options, data_root)
        where = str(options["path"])
        whole = encoder_of([], options={**told, "trim_vocabulary": False}, data_root=data_root)
        pretrained = Pretrained(folder, token_rows=whole.rows)
        sentences = SentenceEncoder(pretrained)
        if int(told["max_tokens"]) > sentences.longest:
            raise ConfigError(
                "task.options.max_tokens",
                expected=f"at most {sentences.longest}, for the encoder looks at no more of a text",
                got=str(told["max_tokens"]),
                remedy="lower it, or leave it out",
            )
        with readable("task.options.checkpoint_path"):
            rows = {name: [whole.encode(text, most=sentences.longest) for text in part] for name, part in texts.items()}
        texts, rows, twice = _once(texts, rows)
        notes += (f"left out, for another text has the same pieces: {counted(twice, 'text')}",) if twice else ()
        made = {1: _ASIDE, 2: f"in files of their own, or {_ASIDE}", 3: "in files of their own"}[len(texts)]
        chosen = _splits(texts, where=where)
        texts = {name: [texts[origin][i] for i in some] for name, (origin, some) in chosen.items()}
        rows = {name: [rows[origin][i] for i in some] for name, (origin, some) in chosen.items()}
        told["max_tokens"] = told["max_tokens"] or min(sentences.longest, -(-max(map(len, rows["train"])) // 8) * 8)
        encoded = encoded_texts(texts, options=told, data_root=data_root, where=where)
        count = sum(map(len, rows.values()))
        require_memory(
            2 * 4 * count * sentences.width,
            parameter=where,
            what=f"{count:,} vectors of {sentences.width}",
            remedy="use fewer texts",
        )
        vectors = {name: kept_vectors(sentences, part) for name, part in rows.items()}
        splits = {name: Split(stored=encoded.ids[name], targets=vectors[name]) for name in chosen}
        shape = TaskShape(
            input_shape=(encoded.length,),
            num_outputs=sentences.width,
            seq_len=encoded.length,
            vocab_size=encoded.encoder.size,
            padded=True,
            stem="tokens",
            head="pooled",
        )
        shown_rows = rows_shown(len(texts["train"]))
        near = nearest(vectors["train"], rows=torch.tensor(shown_rows)).tolist()
        return EmbeddingData(
            shape=shape,
            train=splits["train"],
            validation=splits["validation"],
            test=splits["test"],
            checkpoint=folder,
            data_hash=data_hash(
                (shape, sentences.name), encoded.encoder.content, *(encoded.ids[name] for name in chosen), rows
            ),
            files=encoded.files,
            token_rows=encoded.encoder.rows,
            preparation=encoded.preparation,
            meaning={
                "kind": "vectors",
                "shape": ["batch", sentences.width],
                "decision": "y / |y| is the vector; the dot product of two is their similarity",
            },
            summary=DataSummary(
                facts={
                    "examples": sizes_text({name: len(part) for name, part in texts.items()}, what=made),
                    "vectors": f"{sentences.width} numbers each, of {pretrained}",
                    **encoded.facts,
                },
                notes=(*dict.fromkeys(notes), *encoded.notes),
                examples=tuple(
                    Example(
                        target=f"nearest: {shown(texts['train'][other], most=_SHOWN)}",
                        text=shown(texts["train"][i], most=_SHOWN),
                    )
                    for i, other in zip(shown_rows, near, strict=True)
                ),
            ),
        )


def _read(options: Mapping[str, Scalar], data_root: Path) -> tuple[dict[str, list[str]], tuple[str, ...]]:
    """Return the texts of the files that are given, those of the test first, and what is to be said of them."""
    kind = f"a file that ends in {', '.join(TEXT_SUFFIXES)}"
    texts: dict[str, list[str]] = {}
    notes: tuple[str, ...] = ()
    for name, option in (("test", "test_path"), ("validation", "validation_path"), ("train", "path")):
        if options[option] or name == "train":
            file = find_file(str(options[option]), data_root, kind=kind, option=f"task.options.{option}")
            texts[name], told = read_texts(file, column=str(options["text"]))
            notes += told
    return texts, notes


_Texts = dict[str, list[str]]
_Rows = dict[str, list[list[int]]]


def _once(texts: _Texts, rows: _Rows) -> tuple[_Texts, _Rows, int]:
    """Return the texts without those whose ids stand before, and how many these were."""
    seen: set[tuple[int, ...]] = set()
    kept: dict[str, list[int]] = {}
    for name, part in rows.items():
        kept[name] = []
        for i, ids in enumerate(part):
            if tuple(ids) not in seen:
                seen.add(tuple(ids))
                kept[name].append(i)
    left = sum(map(len, rows.values())) - len(seen)
    return (
        {name: [texts[name][i] for i in some] for name, some in kept.items()},
        {name: [rows[name][i] for i in some] for name, some in kept.items()},
        left,
    )


def _splits(texts: _Texts, *, where: str) -> dict[str, tuple[str, Sequence[int]]]:
    """Return for each split the part that its texts come from, and which of it they are."""
    rest = list(range(len(texts["train"])))
    found: dict[str, tuple[str, Sequence[int]]] = {}
    for name in ("test", "validation"):
        if name in texts:
            found[name] = (name, list(range(len(texts[name]))))
            continue
        left, taken = set_aside_numbers(
            len(rest), where=where, remedy="add texts, or set task.options.validation_path and task.options.test_path"
        )
        spread = taken[np.linspace(0, len(taken) - 1, min(_MOST, len(taken))).round().astype(np.int64)]
        found[name] = ("train", [rest[i] for i in spread])
        rest = [rest[i] for i in np.setdiff1d(np.concatenate([left, taken]), spread)]
    for name, (_, some) in found.items():
        if len(some) < _FEWEST:
            raise DataError(
                f"{where}: {name}",
                expected=f"{_FEWEST} different texts or more, for the nearest ten of each are looked at",
                got=str(len(some)),
                remedy=f"add texts, or set task.options.{name}_path",
            )
    return {"train": ("train", rest), "validation": found["validation"], "test": found["test"]}


TASK = Embedding
