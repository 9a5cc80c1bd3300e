"""The user's own text: a .csv, .tsv or .jsonl of texts and labels to classify, or a .txt to model byte by byte.

Labelled texts may come with files of their own for validation and test; otherwise a tenth of the rows is set aside for
each, stratified by label under a fixed seed. A .txt is cut into 90 % train, 5 % validation and 5 % test, in order; it
needs a causal space (``space=text_causal``).

Papers: as of the tasks ``clinc150`` and ``gutenberg``, whose form this is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from search_space.errors import DataError
from search_space.spec import Scalar
from supernet.tasks._base import Task, TaskData, find_path
from supernet.tasks._classification import stratified
from supernet.tasks._table import SUFFIXES, read_labelled, read_text
from supernet.tasks._text import Texts, byte_data, text_data


class Text(Task):
    """What ``path`` holds, relative to the working directory or to ``data_root``."""

    options: ClassVar[Mapping[str, Scalar]] = {
        "path": "",
        "validation_path": "",
        "test_path": "",
        "text": "text",
        "label": "label",
        "vocabulary": 2048,
        "max_tokens": 0,
        "lowercase": True,
        "token_dropout": 0.0,
        "context": 256,
    }

    @classmethod
    def read(cls, data_root: Path, *, options: Mapping[str, Scalar]) -> TaskData:
        """Read and check the file, and those of validation and test where they are set."""
        kind = f"a file that ends in {', '.join(SUFFIXES)} or .txt"
        path = find_path(str(options["path"]), data_root, kind=kind)
        if path.suffix == ".txt":
            raw = read_text(path).encode()
            first, second = len(raw) * 90 // 100, len(raw) * 95 // 100
            return byte_data(
                raw[:first],
                validation=raw[first:second],
                test=raw[second:],
                context=int(options["context"]),
                where=str(path),
            )
        columns = {"text": str(options["text"]), "label": str(options["label"])}
        train, others = read_labelled(path, **columns), {}
        for name in ("test", "validation"):
            given = str(options[f"{name}_path"])
            if given:
                others[name] = read_labelled(find_path(given, data_root, kind=kind), **columns)
            else:
                train, others[name] = _set_aside(train, where=str(path))
        return text_data(
            train,
            **others,
            vocabulary_size=int(options["vocabulary"]),
            max_tokens=int(options["max_tokens"]),
            lowercase=bool(options["lowercase"]),
            token_dropout=float(options["token_dropout"]),
            where=str(path),
        )


def _set_aside(data: Texts, *, where: str) -> tuple[Texts, Texts]:
    """Return the rows without a tenth, and that, which has every label."""
    texts, labels = data
    counts = Counter(labels)
    size = max(round(0.1 * len(labels)), len(counts))
    if len(counts) < 2 or min(counts.values()) < 3 or len(labels) - size < len(counts):
        label, rarest = min(counts.items(), key=lambda item: item[1])
        raise DataError(
            where,
            expected="two labels or more with three rows each, to set some aside for validation and test",
            got=f"{len(labels)} rows, {rarest} of label {label!r}",
            remedy="add rows, or set task.options.validation_path and task.options.test_path",
        )
    numbers = np.unique(labels, return_inverse=True)[1]
    rest, taken = stratified(numbers, size=size)

    def rows(chosen: NDArray[np.int64]) -> Texts:
        return [texts[i] for i in chosen], [labels[i] for i in chosen]

    return rows(rest), rows(taken)


TASK = Text
