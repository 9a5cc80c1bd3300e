"""The user's own sentences with a label of each word: names of persons and places, parts of speech.

``path`` is a file in the columns of the CoNLL tasks, a word a line and a blank line after each sentence. The label
stands at the first piece of its word; further pieces and padding are neither trained nor judged. Where there are no
files for validation and test, a tenth of the sentences is set aside for each, stratified by the labels in them.

Paper: Devlin et al. 2019, BERT (the first piece of a word).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from search_space.spec import Scalar
from supernet.readers.conll import read_conll
from supernet.readers.files import find_file
from supernet.tasks._answers import LABELS
from supernet.tasks._base import TaskData
from supernet.tasks._encoding import TEXT_OPTIONS
from supernet.tasks._options import Option
from supernet.tasks._setting_aside import all_splits
from supernet.tasks._text import TextTask
from supernet.tasks._token_labels import token_label_data

_COLUMN = Option(default=1, meaning="", high=1000, why="no format has more")


class TokenLabels(TextTask):
    """What the words of ``path`` are labelled with, relative to the working directory or to ``data_root``."""

    options: ClassVar[Mapping[str, Option]] = {
        "path": Option(default="", meaning="the file"),
        "validation_path": Option(default="", meaning="a file for validation; a tenth is set aside where it is empty"),
        "test_path": Option(default="", meaning="a file for the test; a tenth is set aside where it is empty"),
        "word": replace(_COLUMN, meaning="column of the words, from 1; 0 is the last one"),
        "label": replace(_COLUMN, default=0, meaning="column of the labels, from 1; 0 is the last one"),
        **TEXT_OPTIONS,
        "lowercase": replace(TEXT_OPTIONS["lowercase"], default=False),
    }

    @classmethod
    def read(cls, data_root: Path, *, options: Mapping[str, Scalar]) -> TaskData:
        """Read and check every line."""
        kind, given = "a file of words and labels in columns", {}
        for name, option in (("train", "path"), ("validation", "validation_path"), ("test", "test_path")):
            if options[option] or name == "train":
                file = find_file(str(options[option]), data_root, kind=kind, option=f"task.options.{option}")
                given[name] = read_conll(file, word=int(options["word"]), label=int(options["label"]))
        where = str(options["path"])
        splits, splits_made = all_splits(
            given,
            predict=LABELS,
            where=where,
            remedy="add sentences, or set task.options.validation_path and task.options.test_path",
        )
        return token_label_data(splits, options=options, data_root=data_root, where=where, splits_made=splits_made)


TASK = TokenLabels
