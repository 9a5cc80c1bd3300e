"""Intent classification: 22,500 short questions to an assistant in 150 intents; the out-of-scope ones are left out.

The splits are the official ones, 15,000 / 3,000 / 4,500, as ``train.jsonl.gz``, ``val.jsonl.gz`` and ``test.jsonl.gz``
(``{"text": ..., "label": ...}`` a line) in ``<data_root>/clinc150``.

Paper: Larson et al. 2019, An Evaluation Dataset for Intent Classification and Out-of-Scope Prediction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from search_space.spec import Scalar
from supernet.readers.files import data_folder, read_gzip
from supernet.readers.labelled import Texts, labelled_lines
from supernet.tasks._base import TaskData
from supernet.tasks._encoding import TEXT_OPTIONS
from supernet.tasks._options import Option
from supernet.tasks._text import TextTask, text_data


class Clinc150(TextTask):
    """150 classes; pieces of words are learned from the training questions."""

    licence = "cc-by-3.0"
    source = "CLINC150 (Larson et al. 2019)"

    options: ClassVar[Mapping[str, Option]] = {
        **TEXT_OPTIONS,
        "token_dropout": replace(TEXT_OPTIONS["token_dropout"], default=0.15),
    }

    @classmethod
    def read(cls, data_root: Path, *, options: Mapping[str, Scalar]) -> TaskData:
        """Read the three files."""
        folder = data_folder(data_root, task="clinc150")

        def split(name: str) -> Texts:
            path = folder / f"{name}.jsonl.gz"
            return labelled_lines(read_gzip(path).decode(errors="replace"), where=str(path))

        return text_data(
            split("train"),
            validation=split("val"),
            test=split("test"),
            options=options,
            data_root=data_root,
            where=str(folder),
            splits_made="the official ones",
        )


TASK = Clinc150
