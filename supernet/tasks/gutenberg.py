"""Byte language modelling of thirteen works of Project Gutenberg, 6 MB: Austen to Whitman.

The files are those of NLTK's selection without the bible, cut by work into 90 % train, 5 % validation and 5 % test:
``train.txt.gz``, ``valid.txt.gz`` and ``test.txt.gz`` in ``<data_root>/gutenberg13`` or ``<data_root>/gutenberg``.

Source: Bird et al. 2009, Natural Language Processing with Python (corpus ``gutenberg``); public domain.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from search_space.spec import Scalar
from supernet.readers.files import data_folder, read_gzip
from supernet.tasks._base import Task, TaskData
from supernet.tasks._language import CONTEXT, byte_data
from supernet.tasks._options import Option


class Gutenberg(Task):
    """Predict each byte from those before it in a window of ``context``."""

    source = "works of Project Gutenberg, whose copyright has ended in the United States (public domain there)"

    options: ClassVar[Mapping[str, Option]] = {"context": CONTEXT}

    @classmethod
    def read(cls, data_root: Path, *, options: Mapping[str, Scalar]) -> TaskData:
        """Read the three files."""
        folder = data_root / "gutenberg13"
        if not folder.is_dir():
            folder = data_folder(data_root, task="gutenberg")
        train, validation, test = (read_gzip(folder / f"{name}.txt.gz") for name in ("train", "valid", "test"))
        return byte_data(
            train,
            validation=validation,
            test=test,
            context=int(options["context"]),
            where=str(folder),
            splits_made="cut by work: 90 %, 5 and 5",
        )


TASK = Gutenberg
