"""The user's own sentences with a label of each word: names of persons and places, parts of speech.

``path`` is a file in the columns of the CoNLL tasks, a word a line and a blank line after each sentence, or a table
(Parquet, Arrow, the folder of a data set) that holds a list of words and one of labels a row. The label
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
from supernet.readers.conll import Sentences, read_conll
from supernet.readers.word_lists import has_lists, read_word_lists
from supernet.tasks._answers import LABELS
from supernet.tasks._base import TaskData
from supernet.tasks._encoding import TEXT_OPTIONS
from supernet.tasks._files import read_splits
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
        "word": replace(_COLUMN, meaning="of a file of CoNLL: column of the words, from 1; 0 is the last one"),
        "label": replace(
            _COLUMN, default=0, meaning="of a file of CoNLL: column of the labels, from 1; 0 is the last one"
        ),
        "words": Option(default="tokens", meaning="of a table: name of the column of the lists of words"),
        "tags": Option(default="ner_tags", meaning="of a table: name of the column of the lists of labels"),
        **TEXT_OPTIONS,
        "lowercase": replace(TEXT_OPTIONS["lowercase"], default=False),
    }

    @classmethod
    def read(cls, data_root: Path, *, options: Mapping[str, Scalar]) -> TaskData:
        """Read and check every line."""
        kind = "a file of words and labels in columns"
        lists = {name: str(options[name]) for name in ("words", "tags")}

        def read(_: str, path: Path) -> Sentences:
            if has_lists(path):
                return read_word_lists(path, **lists)
            return read_conll(path, word=int(options["word"]), label=int(options["label"]))

        given, told = read_splits(options, data_root, kind=kind, read=read)
        given["train"] = replace(given["train"], notes=(*given["train"].notes, *told))
        where = str(options["path"])
        splits, splits_made = all_splits(
            given,
            predict=LABELS,
            where=where,
            remedy="add sentences, or set task.options.validation_path and task.options.test_path",
        )
        return token_label_data(splits, options=options, data_root=data_root, where=where, splits_made=splits_made)


TASK = TokenLabels
